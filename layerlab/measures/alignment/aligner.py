"""A small word aligner: which words of parallel sentences are translations, learnt from the sentences alone.

Word translation probabilities are learnt by expectation and maximisation, with a prior for words at the same
fraction of their sentences, once from each language; links that both directions find are kept.

References:
    Brown et al. (1993), "The Mathematics of Statistical Machine Translation", model 1.
    Dyer, Chahuneau and Smith (2013), "A Simple, Fast, and Effective Reparameterization of IBM Model 2", which
    is what Wu et al. (2020) align with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from layerlab.data.bitext import Links
from layerlab.errors import DataError

#: How sharply the prior prefers the diagonal, and how often a word translates none, as Dyer et al. have it.
TENSION, NONE = 4.0, 0.08
ROUNDS: Final = 5
_LEAST_TRANSLATION = 1e-12
_TOKEN = re.compile(r"\w+|[^\w\s]")


def words_of(text: str) -> tuple[str, ...]:
    """Return the words and marks of running text, as far as blanks and marks show them.

    >>> words_of("It's late.")
    ('It', "'", 's', 'late', '.')
    """
    return tuple(_TOKEN.findall(text))


def align_words(
    sources: Sequence[Sequence[str]], targets: Sequence[Sequence[str]], *, rounds: int = ROUNDS
) -> Links:
    """Link the words of sentences with those of their translations.

    Case makes no difference. The more sentences there are, the better the links; of a few hundred they are
    those of frequent words and of names.

    Args:
        sources: The words of each sentence.
        targets: Those of its translation.
        rounds: Of expectation and maximisation.

    Raises:
        DataError: Other numbers of sentences.

    >>> here = [["the", "house"], ["the", "dog"], ["a", "dog"]]
    >>> there = [["das", "haus"], ["das", "tier"], ["ein", "tier"]]
    >>> align_words(here, there)
    (((0, 0), (1, 1)), ((0, 0), (1, 1)), ((0, 0), (1, 1)))
    """
    if len(sources) != len(targets):
        raise DataError(f"{len(sources)} sentences have {len(targets)} translations; expected one each")
    first, second = _numbered(sources), _numbered(targets)
    there = _one_way(first, second, rounds)
    back = _one_way(second, first, rounds)
    return tuple(
        tuple((int(i), j) for j, i in enumerate(forward) if i >= 0 and backward[i] == j)
        for forward, backward in zip(there, back, strict=True)
    )


def _numbered(sentences: Sequence[Sequence[str]]) -> list[NDArray[np.int64]]:
    """Return words as numbers from 1; 0 stands for no word."""
    numbers: dict[str, int] = {}
    return [
        np.array([numbers.setdefault(word.lower(), len(numbers) + 1) for word in words], dtype=np.int64)
        for words in sentences
    ]


@dataclass(frozen=True)
class _Cells:
    """Every word of a target sentence with every word of its source, and with none, in one row.

    Attributes:
        pair: Which two words, by number.
        word: The source word of each pair, by the pair's number.
        prior: Probability of the place.
        start: Where the cells of each target word begin.
    """

    pair: NDArray[np.int64]
    word: NDArray[np.int64]
    prior: NDArray[np.float64]
    start: NDArray[np.int64]


def _one_way(
    sources: Sequence[NDArray[np.int64]], targets: Sequence[NDArray[np.int64]], rounds: int
) -> list[NDArray[np.int64]]:
    """Return for each word of each target its best source word, -1 for none."""
    cells = _lay_out(sources, targets)
    n_words = int(cells.word.max(initial=0)) + 1
    translation = 1 / np.bincount(cells.word, minlength=n_words)[cells.word]
    sizes = np.diff(cells.start, append=len(cells.pair))
    weight = cells.prior * translation[cells.pair]
    for _ in range(rounds):
        weight /= np.repeat(np.add.reduceat(weight, cells.start), sizes) if len(weight) else 1.0
        counts = np.bincount(cells.pair, weight, minlength=len(cells.word))
        totals = np.bincount(cells.word, counts, minlength=n_words)
        translation = np.maximum(counts / totals[cells.word], _LEAST_TRANSLATION)
        weight = cells.prior * translation[cells.pair]
    return _best(weight, sources, targets)


def _lay_out(sources: Sequence[NDArray[np.int64]], targets: Sequence[NDArray[np.int64]]) -> _Cells:
    most = max((int(one.max(initial=0)) for one in targets), default=0) + 1
    pairs, priors, lengths = [], [], []
    for source, target in zip(sources, targets, strict=True):
        with_none = np.concatenate([[0], source])
        pairs.append((with_none[None, :] * most + target[:, None]).ravel())
        priors.append(_prior(len(source), len(target)).ravel())
        lengths += [len(with_none)] * len(target)
    names, numbers = np.unique(np.concatenate(pairs or [np.zeros(0, np.int64)]), return_inverse=True)
    starts = np.cumsum([0, *lengths[:-1]]) if lengths else np.zeros(0, np.int64)
    return _Cells(numbers, names // most, np.concatenate(priors or [np.zeros(0)]), starts)


def _prior(n_source: int, n_target: int) -> NDArray[np.float64]:
    """Return the probability of each source word, or none, for each target word: ``(target, 1 + source)``."""
    here = (np.arange(n_source) + 1) / max(1, n_source)
    there = (np.arange(n_target) + 1) / max(1, n_target)
    near = np.exp(-TENSION * np.abs(there[:, None] - here[None, :]))
    near = (1 - NONE) * near / np.maximum(near.sum(axis=1, keepdims=True), _LEAST_TRANSLATION)
    return np.concatenate([np.full((n_target, 1), NONE), near], axis=1)


def _best(
    weight: NDArray[np.float64],
    sources: Sequence[NDArray[np.int64]],
    targets: Sequence[NDArray[np.int64]],
) -> list[NDArray[np.int64]]:
    found, place = [], 0
    for source, target in zip(sources, targets, strict=True):
        size = len(target) * (len(source) + 1)
        table = weight[place : place + size].reshape(len(target), len(source) + 1)
        found.append(table.argmax(axis=1).astype(np.int64) - 1)
        place += size
    return found
