"""Centred kernel alignment: how alike two sets of vectors of the same sentences are, whatever their axes.

CKA is the cosine of two Gram matrices after centring. Its plain estimator is biased upwards, the more the
fewer sentences there are for the dimensions: independent Gaussian vectors of 768 dimensions reach about .8
with 100 sentences. The default is therefore debiased. Everything is computed in float64.

References:
    Kornblith et al. (2019), "Similarity of Neural Network Representations Revisited".
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
from layerlab.measures.hsic import centred_gram, hsic_products, ratio
from layerlab.measures.options import Estimator, Kernel
from layerlab.measures.retrieval import pair_of_matrices

_LEAST = 4  # sentences, for the unbiased HSIC
_LEAST_MULLER = 8  # two sentences in each of four parts


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
    return ratio(hsic_products(x, y, estimator == "debiased", kernel, bandwidth))


def minibatch_cka(
    batches: Iterable[tuple[NDArray[Any], NDArray[Any]]],
    *,
    kernel: Kernel = "linear",
    bandwidth: float = 1.0,
) -> float:
    """Measure debiased CKA over batches, for more sentences than fit into memory.

    The three unbiased HSICs are averaged over the batches, then divided. Batches of fewer than four
    sentences are an error: they have no unbiased HSIC.

    Arguments are as in `cka`; the bandwidth of an RBF kernel is each batch's own.

    Reference: Nguyen et al. (2021).
    """
    _check("debiased", kernel, bandwidth)
    total, n_batches = np.zeros(3), 0
    for source, target in batches:
        x, y = pair_of_matrices(source, target, _LEAST)
        total += hsic_products(x, y, True, kernel, bandwidth)
        n_batches += 1
    if not n_batches:
        raise DataError("no batch of sentences; expected at least one")
    return ratio(total / n_batches)


def muller_cka(source: NDArray[Any], target: NDArray[Any]) -> tuple[float, float]:
    """Measure CKA as the released code of Muller et al. does; mean and standard deviation over its parts.

    An RBF kernel whose squared bandwidth is the median non-zero squared distance, each side its own, and the
    biased HSIC. Of n sentences it takes four slices ``[i : i + n // 4]`` with i = 0, 1, 2, 3, where
    ``[i * n // 4 : ...]`` was surely meant: they overlap almost wholly, so about three quarters of the
    sentences are never looked at and the standard deviation says nothing about sampling. Its sentence
    vectors have a quirk of their own: ``pooling="muller"`` of `layerlab.measures.states.sentence_states`.

    Raises:
        DataError: As `cka` does.

    Reference: Muller et al. (2021), its repository's ``measure_similarity.py``.
    """
    x, y = pair_of_matrices(source, target, _LEAST_MULLER)
    size = len(x) // 4
    slices = [slice(i, i + size) for i in range(4)]
    values = [ratio(hsic_products(x[one], y[one], False, "rbf", None)) for one in slices]
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
    _check(estimator, kernel, bandwidth, ("debiased", "biased"))
    x, y = pair_of_matrices(source, target, _LEAST)
    debiased = estimator == "debiased"
    k, l_ = (centred_gram(one, kernel, bandwidth, debiased) for one in (x, y))
    scale = math.sqrt(np.vdot(k, k) * np.vdot(l_, l_))
    if not scale:
        raise DataError("the sentences of one side are all the same; they have no CKA")
    stream = np.random.default_rng(seed)
    permuted = []
    for _ in range(permutations):
        order = stream.permutation(len(x))
        permuted.append(float(np.vdot(k, l_[np.ix_(order, order)])) / scale)
    return Null(float(np.vdot(k, l_)) / scale, tuple(permuted))


def _check(
    estimator: str, kernel: str, bandwidth: float, estimators: tuple[str, ...] = get_args(Estimator)
) -> None:
    if estimator not in estimators:
        raise DataError(unknown("CKA estimator", estimator, estimators))
    if kernel not in get_args(Kernel):
        raise DataError(unknown("kernel", kernel, get_args(Kernel)))
    if not bandwidth > 0:
        raise DataError(f"bandwidth {bandwidth} of the RBF kernel; expected a positive number of medians")
