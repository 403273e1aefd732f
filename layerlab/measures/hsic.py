"""HSIC of two sets of vectors, from Gram matrices or, where that is less, from features; in float64.

References:
    Kornblith et al. (2019), "Similarity of Neural Network Representations Revisited" (biased; linear, RBF).
    Song et al. (2012), "Feature Selection via Dependence Maximization" (the unbiased HSIC).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from layerlab.measures.options import Kernel

Matrix = NDArray[np.float64]

_CONSTANT = 1e-6  # spread relative to length below which vectors in float32 are all the same


def ratio(products: Matrix) -> float:
    """Divide HSIC(x, y) by the root of HSIC(x, x) HSIC(y, y)."""
    between, x, y = products
    return float(between / math.sqrt(x * y)) if x > 0 and y > 0 else math.nan


def hsic_products(x: Matrix, y: Matrix, debiased: bool, kernel: Kernel, bandwidth: float | None) -> Matrix:
    """Return HSIC of (x, y), (x, x) and (y, y); zero where vectors are all the same.

    The linear kernel with more sentences than dimensions needs no Gram matrix.
    """
    if _constant(x) or _constant(y):
        return np.zeros(3)
    if kernel == "linear" and len(x) > max(x.shape[1], y.shape[1]):
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        return np.array([_feature_hsic(*pair, debiased) for pair in ((x, y), (x, x), (y, y))])
    k, l_ = (centred_gram(one, kernel, bandwidth, debiased) for one in (x, y))
    n = len(x)
    divisor = n * (n - 3) if debiased else (n - 1) ** 2
    return np.array([np.vdot(k, l_), np.vdot(k, k), np.vdot(l_, l_)]) / divisor


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


def centred_gram(x: Matrix, kernel: Kernel, bandwidth: float | None, debiased: bool) -> Matrix:
    """Return the centred Gram matrix; debiased, its diagonal is left out and stays zero (U-centring).

    The inner product of two U-centred matrices over ``n(n-3)`` is the unbiased HSIC.
    """
    gram = _gram(x, kernel, bandwidth)
    if not debiased:
        rows = gram.mean(axis=1)
        plain: Matrix = gram - rows[:, None] - rows[None, :] + rows.mean()
        return plain
    n = len(gram)
    np.fill_diagonal(gram, 0.0)
    rows = gram.sum(axis=1) / (n - 2)
    centred: Matrix = gram - rows[:, None] - rows[None, :] + rows.sum() / (n - 1)
    np.fill_diagonal(centred, 0.0)
    return centred


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
