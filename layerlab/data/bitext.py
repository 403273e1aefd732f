"""Sentences and their translations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from layerlab.data.sentences import Sentence, take_evenly
from layerlab.errors import DataError, unknown

Texts = Sequence[Sentence | str]
#: What of an annotated sentence is read: its running text where there is one, or its words.
TextForm = Literal["raw", "words"]
#: Of each sentence pair, which word of the one sentence means which of the other; both count from 0.
Links = Sequence[Sequence[tuple[int, int]]]


@dataclass(frozen=True)
class Bitext:
    """Sentences of two languages; the i-th ones mean the same.

    Attributes:
        source: Language of the first.
        target: Language of the second.
        sources: Words or raw text. Bitexts of the same source sentences share one object.
        targets: Their translations.
    """

    source: str
    target: str
    sources: Texts
    targets: Texts

    def __len__(self) -> int:
        return len(self.sources)


def in_form(aligned: Mapping[str, Sequence[Sentence]], text: TextForm) -> Mapping[str, Texts]:
    """Return what is read of annotated sentences, language by language.

    Args:
        aligned: Language to its sentences.
        text: ``raw`` gives running text in each language in which every sentence has it, and words in the
            others; ``words`` gives words everywhere.

    Raises:
        DataError: An unknown form.

    >>> said = {"ja": [Sentence(("猫", "だ"), text="猫だ")], "xx": [Sentence(("a", "b"))]}
    >>> [texts[0] if isinstance(texts[0], str) else texts[0].words for texts in in_form(said, "raw").values()]
    ['猫だ', ('a', 'b')]
    """
    if text not in get_args(TextForm):
        raise DataError(unknown("form of text", text, get_args(TextForm)))
    return {
        language: tuple(one.text for one in sentences)
        if text == "raw" and all(one.text for one in sentences)
        else tuple(sentences)
        for language, sentences in aligned.items()
    }


def pairs_with(
    aligned: Mapping[str, Texts], languages: Sequence[str], pair_with: str, sentences: int | None = None
) -> tuple[Bitext, ...]:
    """Pair one language with others.

    Args:
        aligned: Language to its sentences; the i-th ones mean the same.
        languages: The other languages; all by default.
        pair_with: The source of every bitext.
        sentences: At most so many sentence pairs, spread evenly.

    Raises:
        DataError: A language that is not there, or none to pair with.

    >>> [len(one) for one in pairs_with({"en": ["a", "b"], "de": ["c", "d"]}, (), "en", 1)]
    [1]
    """
    for language in (pair_with, *languages):
        if language not in aligned:
            raise DataError(unknown("language", language, aligned))
    chosen = [language for language in languages or aligned if language != pair_with]
    if not chosen:
        raise DataError(f"no language to pair {pair_with} with; there are {', '.join(aligned)}")
    sources = take_evenly(aligned[pair_with], sentences)
    return tuple(
        Bitext(pair_with, language, sources, take_evenly(aligned[language], sentences)) for language in chosen
    )
