"""Translations of controlled languages, word by word: what each word means is known."""

from __future__ import annotations

from collections import Counter
from itertools import chain, islice

from layerlab.data.bitext import Bitext, Links
from layerlab.languages.corpora.generate import generate_said
from layerlab.languages.language import Family
from layerlab.languages.speech.realisation import Said


def translations(
    source: str, target: str, n_sentences: int, seed: int | str = 0, *, family: Family | None = None
) -> tuple[Bitext, Links]:
    """Return sentences of two languages that mean the same, and which of their words do.

    Args:
        source: The one language.
        target: The other.
        n_sentences: Sentence pairs.
        seed: What is meant; as in ``generate``.
        family: Of the languages; the default one if None.

    Raises:
        DataError: The family has no such language.

    >>> bitext, links = translations("avin", "belo", 3)
    >>> len(bitext), len(links)
    (3, 3)
    """
    here, there = (
        tuple(islice(chain.from_iterable(generate_said(name, seed, family=family)), n_sentences))
        for name in (source, target)
    )
    bitext = Bitext(source, target, tuple(one.sentence for one in here), tuple(one.sentence for one in there))
    return bitext, tuple(linked(*pair) for pair in zip(here, there, strict=True))


def linked(source: Said, target: Said) -> tuple[tuple[int, int], ...]:
    """Return the words of two translations that have one concept, which occurs once in either sentence.

    Punctuation has none, and of what occurs twice it is not known which is which.
    """
    places = [_places(one) for one in (source, target)]
    return tuple((place, places[1][concept]) for concept, place in places[0].items() if concept in places[1])


def _places(said: Said) -> dict[str, int]:
    counts = Counter(said.concepts)
    return {concept: place for place, concept in enumerate(said.concepts) if concept and counts[concept] == 1}
