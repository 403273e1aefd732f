"""Sentences and their translations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from layerlab.data.sentences import Sentence, take_evenly
from layerlab.errors import DataError, unknown

Texts = Sequence[Sentence | str]


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
