"""Sentence retrieval: is the nearest sentence of the other language the translation?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from layerlab.errors import DataError, unknown

Similarity = Literal["cosine", "csls"]
Matrix = NDArray[np.float64]

_ROWS_AT_ONCE = 1_024


@dataclass(frozen=True)
class Retrieval:
    """Accuracy of retrieval, as fractions.

    Attributes:
        forward: How often the nearest target of a source sentence is its translation.
        backward: The same from target to source.
        n: Sentence pairs.

    >>> Retrieval(0.5, 0.25, 8).mean
    0.375
    """

    forward: float
    backward: float
    n: int

    @property
    def mean(self) -> float:
        """Mean of both directions."""
        return (self.forward + self.backward) / 2


def retrieve(
    source: NDArray[Any],
    target: NDArray[Any],
    similarity: Similarity = "cosine",
    *,
    centre: bool = False,
    neighbours: int = 10,
) -> Retrieval:
    """Measure retrieval in both directions; row i of one language translates row i of the other.

    Of several equally near sentences the first counts as found. Chance is ``1 / n``. A vector of zeros is
    at cosine 0 from everything.

    Args:
        source: Sentence vectors of shape ``(sentences, hidden)``.
        target: Those of the translations, of the same shape.
        similarity: ``cosine``; or ``csls``, which takes from twice the cosine the mean cosine that either
            sentence has to its nearest neighbours in the other language, so that sentences which are near
            everything (hubs) lose.
        centre: Take each language's mean vector from its sentences first.
        neighbours: Nearest neighbours of CSLS, at most all sentences.

    Raises:
        DataError: Shapes that differ, fewer than two sentences, values that are not finite, or an unknown
            similarity.

    Reference: Conneau et al. (2018), "Word Translation Without Parallel Data", section 2.3 (CSLS).

    >>> import numpy as np
    >>> retrieve(np.eye(3), np.eye(3)[[0, 2, 1]])
    Retrieval(forward=0.3333333333333333, backward=0.3333333333333333, n=3)
    """
    if similarity not in get_args(Similarity):
        raise DataError(unknown("similarity", similarity, get_args(Similarity)))
    x, y = pair_of_matrices(source, target, least=2)
    x, y = _unit(x, centre), _unit(y, centre)
    n = len(x)
    if similarity == "cosine":
        return Retrieval(_hits(x, y, np.zeros(n)) / n, _hits(y, x, np.zeros(n)) / n, n)
    k = min(neighbours, n)
    # Of CSLS's two corrections, the query's own is the same for all candidates.
    return Retrieval(_hits(x, y, _density(y, x, k) / 2) / n, _hits(y, x, _density(x, y, k) / 2) / n, n)


def precision_at_one(
    queries: NDArray[Any],
    candidates: NDArray[Any],
    correct: Sequence[Collection[int]],
    similarity: Similarity = "csls",
    *,
    crowd: NDArray[Any] | None = None,
    neighbours: int = 10,
) -> float:
    """Return how often the best candidate of a query is a correct one, a fraction.

    Args:
        queries: Vectors of shape ``(queries, hidden)``.
        candidates: Vectors of shape ``(candidates, hidden)``.
        correct: For each query the candidates that are right, such as all translations of a word.
        similarity: As in :func:`retrieve`.
        crowd: Vectors of the queries' language, by whose nearness CSLS tells hubs among the candidates; the
            queries by default.
        neighbours: Nearest neighbours of CSLS, at most all.

    Raises:
        DataError: No query, values that are not finite, or an unknown similarity.

    Reference: Conneau et al. (2018), section 2.3 (CSLS) and table 1 (P@1 of word translation).

    >>> precision_at_one(np.eye(3)[:2], np.eye(3), [{0}, {2}], "cosine")
    0.5
    """
    if similarity not in get_args(Similarity):
        raise DataError(unknown("similarity", similarity, get_args(Similarity)))
    arrays = [np.asarray(one, dtype=np.float64) for one in (queries, candidates)]
    if not len(arrays[0]) or not all(np.isfinite(one).all() for one in arrays):
        raise DataError("expected queries and candidates of finite values, and at least one query")
    x, y = (_unit(one, centre=False) for one in arrays)
    penalty = np.zeros(len(y))
    if similarity == "csls":
        others = x if crowd is None else _unit(np.asarray(crowd, dtype=np.float64), centre=False)
        penalty = _density(y, others, min(neighbours, len(others))) / 2
    best = _nearest(x, y, penalty)
    return sum(int(one) in right for one, right in zip(best, correct, strict=True)) / len(x)


def pair_of_matrices(source: NDArray[Any], target: NDArray[Any], least: int) -> tuple[Matrix, Matrix]:
    """Return two matrices with a row a sentence in float64, once it is known that they can be compared.

    Raises:
        DataError: They are no matrices, have other numbers of rows or fewer than ``least``, or hold values
            that are not finite.
    """
    x, y = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise DataError(
            f"expected two matrices with as many rows, one a sentence; got shapes {x.shape} and {y.shape}"
        )
    if len(x) < least:
        raise DataError(f"{len(x)} sentences are too few; expected at least {least}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise DataError("states hold values that are not finite")
    return x, y


def _unit(x: Matrix, centre: bool) -> Matrix:
    if centre:
        x = x - x.mean(axis=0)
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(norms > 0, norms, 1.0)


def _blocks(queries: Matrix, candidates: Matrix) -> Iterator[Matrix]:
    """Yield the cosines of some queries at a time with all candidates."""
    for start in range(0, len(queries), _ROWS_AT_ONCE):
        yield queries[start : start + _ROWS_AT_ONCE] @ candidates.T


def _nearest(queries: Matrix, candidates: Matrix, penalty: Matrix) -> NDArray[np.int64]:
    """Return the number of each query's best candidate."""
    return np.concatenate([(cosines - penalty).argmax(axis=1) for cosines in _blocks(queries, candidates)])


def _hits(queries: Matrix, candidates: Matrix, penalty: Matrix) -> int:
    """Count the queries whose best candidate has their own number."""
    return int((_nearest(queries, candidates, penalty) == np.arange(len(queries))).sum())


def _density(points: Matrix, others: Matrix, k: int) -> Matrix:
    """Return the mean cosine of each point to its k nearest neighbours among the others."""
    parts = [np.partition(cosines, -k, axis=1)[:, -k:].mean(axis=1) for cosines in _blocks(points, others)]
    return np.concatenate(parts)
