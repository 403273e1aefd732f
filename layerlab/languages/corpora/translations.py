"""Translations of controlled languages, word by word: what each word means is known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain, islice

from layerlab.data.bitext import Bitext, Links
from layerlab.languages.corpora.generate import generate_said
from layerlab.languages.language import Family
from layerlab.languages.speech.realisation import Said


@dataclass(frozen=True)
class Translations:
    """Sentences of two languages that mean the same.

    Attributes:
        bitext: The sentences.
        links: Which of their words mean the same.
        concepts: Of each word of the source what it means; empty for punctuation.
    """

    bitext: Bitext
    links: Links
    concepts: tuple[tuple[str, ...], ...]


def translations(
    source: str, target: str, n_sentences: int, seed: int | str = 0, *, family: Family | None = None
) -> Translations:
    """Return sentences of two languages that mean the same, and which of their words do.

    Args:
        source: The one language.
        target: The other.
        n_sentences: Sentence pairs.
        seed: What is meant; as in ``generate``.
        family: Of the languages; the default one if None.

    Raises:
        DataError: The family has no such language.

    >>> found = translations("avin", "belo", 3)
    >>> len(found.bitext), len(found.links)
    (3, 3)
    """
    here, there = (
        tuple(islice(chain.from_iterable(generate_said(name, seed, family=family)), n_sentences))
        for name in (source, target)
    )
    bitext = Bitext(source, target, tuple(one.sentence for one in here), tuple(one.sentence for one in there))
    links = tuple(linked(*pair) for pair in zip(here, there, strict=True))
    return Translations(bitext, links, tuple(one.concepts for one in here))


def linked(source: Said, target: Said) -> tuple[tuple[int, int], ...]:
    """Return the words of two translations that have one concept, which occurs once in either sentence.

    Punctuation has none, and of what occurs twice it is not known which is which.
    """
    places = [_places(one) for one in (source, target)]
    return tuple((place, places[1][concept]) for concept, place in places[0].items() if concept in places[1])


def _places(said: Said) -> dict[str, int]:
    counts = Counter(said.concepts)
    return {concept: place for place, concept in enumerate(said.concepts) if concept and counts[concept] == 1}
