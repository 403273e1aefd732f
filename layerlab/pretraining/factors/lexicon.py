"""A word lexicon learnt from parallel texts: words that come and go together are translations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# An ideograph is a word of its own, as multilingual tokenizers have it; so are runs of other letters.
_IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W\d_{_IDEOGRAPHS}]+")

_LEAST_TEXTS = 4
_LEAST_PHI = 0.12
_LEAST_SHARE = 0.25
_MOST_TRANSLATIONS = 4

#: Word to its translations, each with its weight; the weights sum to 1.
Translations = Mapping[str, tuple[tuple[str, float], ...]]


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case.

    >>> words_of("The king said: 王说")
    ['the', 'king', 'said', '王', '说']
    """
    return WORD.findall(text.lower())


@dataclass(frozen=True)
class Occurrences:
    """Which words occur in which texts of one language.

    Attributes:
        words: The words that occur in enough texts.
        found: Whether a word occurs in a text: a sparse matrix of shape ``(texts, words)``.
    """

    words: tuple[str, ...]
    found: Any


def count_occurrences(texts: Sequence[str], least: int = _LEAST_TEXTS) -> Occurrences:
    """Find which words occur in which texts."""
    from scipy.sparse import csr_matrix

    rows = [sorted(set(words_of(text))) for text in texts]
    counts = Counter(word for row in rows for word in row)
    words = tuple(sorted(word for word, count in counts.items() if count >= least))
    number = {word: place for place, word in enumerate(words)}
    kept = [[number[word] for word in row if word in number] for row in rows]
    ends = np.cumsum([0, *(len(row) for row in kept)])
    places = np.array([place for row in kept for place in row], dtype=np.int32)
    ones = np.ones(len(places), dtype=np.float32)
    return Occurrences(words, csr_matrix((ones, places, ends), shape=(len(rows), len(words))))


def pair_words(first: Occurrences, second: Occurrences) -> tuple[Translations, Translations]:
    """Return the translations of the first language's words into the second, and the other way round.

    A word's translation is that word of the other language whose presence in parallel texts correlates best
    with its own (phi coefficient); a word is also translated by all those whose translation it is, so that
    "king" may become any case form of a language that inflects it.

    Reference:
        Melamed 2000, "Models of Translational Equivalence among Words", pairs words by association likewise.
    """
    both = (first.found.T @ second.found).tocoo()
    n_texts = first.found.shape[0]
    n_first = np.asarray(first.found.sum(axis=0)).ravel()[both.row]
    n_second = np.asarray(second.found.sum(axis=0)).ravel()[both.col]
    spread = np.sqrt(n_first * (n_texts - n_first) * n_second * (n_texts - n_second))
    with np.errstate(divide="ignore", invalid="ignore"):
        phi = (both.data.astype(np.float64) * n_texts - n_first * n_second) / spread
    keep = (both.data >= _LEAST_TEXTS) & (phi >= _LEAST_PHI)
    row, column, together, phi = both.row[keep], both.col[keep], both.data[keep], phi[keep]
    there = _best(phi, row, together / n_first[keep])
    back = _best(phi, column, together / n_second[keep])
    chosen = np.union1d(there, back)
    row, column, together = row[chosen], column[chosen], together[chosen]
    return (
        _translations(first.words, second.words, row, column, together),
        _translations(second.words, first.words, column, row, together),
    )


def _best(phi: NDArray[Any], word: NDArray[Any], share: NDArray[Any]) -> NDArray[np.int64]:
    """Return for every word the pair of highest phi, unless too few of the word's texts have both."""
    order = np.lexsort((phi, word))
    last = np.flatnonzero(np.diff(word[order], append=-1))
    best = order[last]
    return np.asarray(best[share[best] >= _LEAST_SHARE], dtype=np.int64)


def _translations(
    words: Sequence[str], others: Sequence[str], word: NDArray[Any], other: NDArray[Any], weight: NDArray[Any]
) -> Translations:
    found: dict[str, list[tuple[float, str]]] = {}
    for one, two, together in zip(word.tolist(), other.tolist(), weight.tolist(), strict=True):
        found.setdefault(words[one], []).append((together, others[two]))
    result: dict[str, tuple[tuple[str, float], ...]] = {}
    for key, pairs in found.items():
        most = sorted(pairs, key=lambda pair: (-pair[0], pair[1]))[:_MOST_TRANSLATIONS]
        total = sum(together for together, _ in most)
        result[key] = tuple((text, together / total) for together, text in most)
    return result
