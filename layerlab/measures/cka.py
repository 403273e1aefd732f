"""Centred kernel alignment: how alike two sets of vectors of the same sentences are, whatever their axes.

CKA is the cosine of two Gram matrices after centring. Its plain estimator is biased upwards, the more the
fewer sentences there are for the dimensions: independent Gaussian vectors of 768 dimensions reach about .8
with 100 sentences. The default is therefore debiased. Everything is computed in float64.

References:
    Kornblith et al. (2019), "Similarity of Neural Network Representations Revisited" (biased; linear, RBF).
    Song et al. (2012), "Feature Selection via Dependence Maximization" (the unbiased HSIC).
    Nguyen et al. (2021), "Do Wide and Deep Networks Learn the Same Things?" (debiased and mini-batch CKA).
    Muller et al. (2021), "First Align, then Predict" (what they do with it).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from layerlab.errors import DataError, unknown
from layerlab.measures.retrieval import pair_of_matrices

Estimator = Literal["debiased", "biased", "muller"]
Kernel = Literal["linear", "rbf"]
Matrix = NDArray[np.float64]

_LEAST = 4  # sentences, for the unbiased HSIC
_LEAST_MULLER = 8  # two sentences in each of four parts
_CONSTANT = 1e-6  # spread relative to length below which vectors in float32 are all the same


@dataclass(frozen=True)
class Null:
    """CKA under permuted sentences, where nothing corresponds.

    Attributes:
        value: CKA of the sentences as they are.
        permuted: CKA of each permutation.
    """

    value: float
    permuted: tuple[float, ...]

    @property
    def p_value(self) -> float:
        """Fraction of the permutations, the identity among them, that reach the value."""
        reached = sum(one >= self.value for one in self.permuted)
        return (1 + reached) / (1 + len(self.permuted))


def cka(
    source: NDArray[Any],
    target: NDArray[Any],
    estimator: Estimator = "debiased",
    *,
    kernel: Kernel = "linear",
    bandwidth: float = 1.0,
) -> float:
    """Measure the similarity of two representations of the same sentences.

    Debiased values may be a little below 0. Vectors that are all the same (such as the ``[CLS]`` embedding)
    have no CKA: NaN.

    Args:
        source: Vectors of shape ``(sentences, hidden)``.
        target: Vectors of the same sentences, or of their translations, of shape ``(sentences, any)``.
        estimator: ``debiased``, ``biased``, or ``muller`` (see `muller_cka`; always with its own RBF kernel).
        kernel: ``linear`` or ``rbf``.
        bandwidth: Of the RBF kernel, in medians of the distances between the sentences of one side.

    Raises:
        DataError: Different numbers of rows, too few, values that are not finite, or an unknown name.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(50, 8))
    >>> round(cka(x, 3 * x[:, ::-1]), 6)
    1.0
    """
    if estimator == "muller":
        return muller_cka(source, target)[0]
    _check(estimator, kernel, bandwidth)
    x, y = pair_of_matrices(source, target, _LEAST)
    return _ratio(_products(x, y, estimator == "debiased", kernel, bandwidth))


def minibatch_cka(
    batches: Iterable[tuple[NDArray[Any], NDArray[Any]]],
    *,
    kernel: Kernel = "linear",
    bandwidth: float = 1.0,
) -> float:
    """Measure debiased CKA over batches, for more sentences than fit into memory.

    The three unbiased HSICs are averaged over the batches, then divided. Batches of fewer than four
    sentences are an error: they have no unbiased HSIC.

    Args:
        batches: Pairs of vectors as `cka` takes them.
        kernel: ``linear`` or ``rbf`` (whose bandwidth is then each batch's own).
        bandwidth: As in `cka`.

    Reference: Nguyen et al. (2021).
    """
    _check("debiased", kernel, bandwidth)
    total, n_batches = np.zeros(3), 0
    for source, target in batches:
        x, y = pair_of_matrices(source, target, _LEAST)
        total += _products(x, y, True, kernel, bandwidth)
        n_batches += 1
    if not n_batches:
        raise DataError("no batch of sentences; expected at least one")
    return _ratio(total / n_batches)


def muller_cka(source: NDArray[Any], target: NDArray[Any], parts: int = 4) -> tuple[float, float]:
    """Measure CKA as the released code of Muller et al. does; mean and standard deviation over its parts.

    An RBF kernel whose squared bandwidth is the median non-zero squared distance, each side its own, and the
    biased HSIC. Of n sentences it takes four slices ``[i : i + n // 4]`` with i = 0, 1, 2, 3, where
    ``[i * n // 4 : ...]`` was surely meant: they overlap almost wholly, so about three quarters of the
    sentences are never looked at and the standard deviation says nothing about sampling. Its sentence
    vectors have a quirk of their own: ``pooling="muller"`` of `layerlab.measures.states.sentence_states`.

    Args:
        source: Vectors of shape ``(sentences, hidden)``.
        target: Those of their translations.
        parts: Slices, and what the number of sentences is divided by.

    Raises:
        DataError: As `cka` does.

    Reference: Muller et al. (2021), its repository's ``measure_similarity.py``.
    """
    x, y = pair_of_matrices(source, target, max(_LEAST_MULLER, 2 * parts))
    size = len(x) // parts
    values = [_ratio(_products(x[i : i + size], y[i : i + size], False, "rbf", None)) for i in range(parts)]
    return float(np.mean(values)), float(np.std(values))


def permutation_null(
    source: NDArray[Any],
    target: NDArray[Any],
    estimator: Literal["debiased", "biased"] = "debiased",
    *,
    kernel: Kernel = "linear",
    bandwidth: float = 1.0,
    permutations: int = 199,
    seed: int = 0,
) -> Null:
    """Measure CKA after shuffling one side's sentences again and again.

    Needs the Gram matrices, ``sentences ** 2`` numbers each.

    Raises:
        DataError: As `cka` does.
    """
    if estimator not in ("debiased", "biased"):
        raise DataError(unknown("CKA estimator", estimator, ("debiased", "biased")))
    _check(estimator, kernel, bandwidth)
    x, y = pair_of_matrices(source, target, _LEAST)
    debiased = estimator == "debiased"
    k, l_ = (_centred(_gram(one, kernel, bandwidth), debiased) for one in (x, y))
    scale = math.sqrt(_dot(k, k) * _dot(l_, l_))
    if not scale:
        raise DataError("the sentences of one side are all the same; they have no CKA")
    stream = np.random.default_rng(seed)
    permuted = []
    for _ in range(permutations):
        order = stream.permutation(len(x))
        permuted.append(_dot(k, l_[np.ix_(order, order)]) / scale)
    return Null(_dot(k, l_) / scale, tuple(permuted))


def _check(estimator: str, kernel: str, bandwidth: float) -> None:
    if estimator not in get_args(Estimator):
        raise DataError(unknown("CKA estimator", estimator, get_args(Estimator)))
    if kernel not in get_args(Kernel):
        raise DataError(unknown("kernel", kernel, get_args(Kernel)))
    if not bandwidth > 0:
        raise DataError(f"bandwidth {bandwidth} of the RBF kernel; expected a positive number of medians")


def _ratio(products: Matrix) -> float:
    """Divide HSIC(x, y) by the root of HSIC(x, x) HSIC(y, y)."""
    between, x, y = products
    return float(between / math.sqrt(x * y)) if x > 0 and y > 0 else math.nan


def _products(x: Matrix, y: Matrix, debiased: bool, kernel: Kernel, bandwidth: float | None) -> Matrix:
    """Return HSIC of (x, y), (x, x) and (y, y); zero where vectors are all the same.

    The linear kernel with more sentences than dimensions needs no Gram matrix.
    """
    if _constant(x) or _constant(y):
        return np.zeros(3)
    if kernel == "linear" and len(x) > max(x.shape[1], y.shape[1]):
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        return np.array([_feature_hsic(*pair, debiased) for pair in ((x, y), (x, x), (y, y))])
    k, l_ = (_centred(_gram(one, kernel, bandwidth), debiased) for one in (x, y))
    n = len(x)
    divisor = n * (n - 3) if debiased else (n - 1) ** 2
    return np.array([_dot(k, l_), _dot(k, k), _dot(l_, l_)]) / divisor


def _constant(x: Matrix) -> bool:
    return float(np.linalg.norm(x - x.mean(axis=0))) <= _CONSTANT * float(np.linalg.norm(x))


def _feature_hsic(x: Matrix, y: Matrix, debiased: bool) -> float:
    """Return linear HSIC of centred features, from ``x.T @ y`` alone.

    The unbiased HSIC is that of Gram matrices with zeros on the diagonal, written with their row sums:
    ``[tr KL + (1'K1)(1'L1) / ((n-1)(n-2)) - 2/(n-2) 1'KL1] / (n(n-3))``.
    """
    n = len(x)
    whole = float(np.square(x.T @ y).sum())
    if not debiased:
        return whole / (n - 1) ** 2
    k, l_ = np.square(x).sum(axis=1), np.square(y).sum(axis=1)  # the diagonals
    # Centred features have row sums of zero, so that without the diagonal they are its negative.
    trace = whole - float(k @ l_)
    sums = float(k.sum() * l_.sum()) / ((n - 1) * (n - 2))
    cross = 2 / (n - 2) * float(k @ l_)
    return (trace + sums - cross) / (n * (n - 3))


def _gram(x: Matrix, kernel: Kernel, bandwidth: float | None) -> Matrix:
    """Return the Gram matrix; ``bandwidth=None`` is the RBF kernel of Muller et al."""
    x = x - x.mean(axis=0)  # changes neither kernel after centring, and keeps digits
    gram: Matrix = x @ x.T
    if kernel == "linear":
        return gram
    norms = np.diag(gram)
    squared = np.maximum(norms[:, None] + norms[None, :] - 2 * gram, 0.0)
    np.fill_diagonal(squared, 0.0)
    if bandwidth is None:
        width = float(np.median(squared[squared > 0]))
    else:
        apart = np.sqrt(squared[np.triu_indices(len(x), 1)])
        # Where most sentences are equal the median is 0, and the mean stands in.
        width = (bandwidth * (float(np.median(apart)) or float(np.mean(apart)))) ** 2
    result: Matrix = np.exp(-squared / (2 * width))
    return result


def _centred(gram: Matrix, debiased: bool) -> Matrix:
    """Centre a Gram matrix; debiased, its diagonal is left out and stays zero (U-centring).

    The inner product of two U-centred matrices over ``n(n-3)`` is the unbiased HSIC.
    """
    if not debiased:
        rows = gram.mean(axis=1)
        plain: Matrix = gram - rows[:, None] - rows[None, :] + rows.mean()
        return plain
    n = len(gram)
    gram = gram.copy()
    np.fill_diagonal(gram, 0.0)
    rows = gram.sum(axis=1) / (n - 2)
    centred: Matrix = gram - rows[:, None] - rows[None, :] + rows.sum() / (n - 1)
    np.fill_diagonal(centred, 0.0)
    return centred


def _dot(a: Matrix, b: Matrix) -> float:
    return float(np.vdot(a, b))
