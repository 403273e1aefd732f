"""The pairs that maps are fitted on, and those that they are tested on; the two share nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Parts:
    """Which pairs are fitted on and which tested on, in order; some may be neither.

    Attributes:
        fit: Numbers of pairs.
        test: Numbers of other pairs.
    """

    fit: NDArray[np.int64]
    test: NDArray[np.int64]


def split_sentences(n: int, share: float, seed: int) -> Mask:
    """Draw which of n sentence pairs are tested on.

    >>> int(split_sentences(10, 0.3, seed=0).sum())
    3
    """
    chosen = np.zeros(n, dtype=np.bool_)
    chosen[np.random.default_rng((seed, 0)).permutation(n)[: round(share * n)]] = True
    return chosen


def split_words(pairs: Sequence[tuple[str, str]], share: float, seed: int) -> tuple[Mask, Mask]:
    """Draw which pairs of words are fitted on and which are tested on, so that no word is in both.

    A word of the second language goes where most of its pairs go; pairs whose words went apart are in
    neither part.

    Returns:
        Two masks over the pairs, of those to fit on and of those to test on.

    >>> fit, test = split_words([("a", "x"), ("b", "y"), ("a", "z"), ("c", "x")], 0.5, seed=0)
    >>> bool((fit & test).any())
    False
    """
    words = sorted({first for first, _ in pairs})
    drawn = split_words_of(words, share, seed)
    partners: dict[str, Counter[bool]] = defaultdict(Counter)
    for first, second in pairs:
        partners[second][first in drawn] += 1
    second_part = {word: counts[True] > counts[False] for word, counts in partners.items()}
    first_tested = np.array([first in drawn for first, _ in pairs], dtype=np.bool_)
    second_tested = np.array([second_part[second] for _, second in pairs], dtype=np.bool_)
    return ~first_tested & ~second_tested, first_tested & second_tested


def split_words_of(words: Sequence[str], share: float, seed: int) -> frozenset[str]:
    """Draw the words that are tested on."""
    order = np.random.default_rng((seed, 1)).permutation(len(words))
    return frozenset(words[index] for index in order[: round(share * len(words))])
