"""CKA against explicit centring matrices, closed forms, and what its bias is known to be."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from layerlab.errors import DataError
from layerlab.measures.cka import cka, minibatch_cka, muller_cka, permutation_null
from layerlab.measures.options import Estimator, Kernel

Matrix = NDArray[np.float64]


def normal(*shape: int, seed: int = 0) -> Matrix:
    return np.random.default_rng(seed).normal(size=shape)


def related(n: int, d: int, seed: int = 0) -> tuple[Matrix, Matrix]:
    """Two sets of vectors that share some of their structure, away from the origin."""
    shared = normal(n, 5, seed=seed)
    x = shared @ normal(5, d, seed=seed + 1) + normal(n, d, seed=seed + 2) + 3
    y = shared @ normal(5, d + 3, seed=seed + 3) + normal(n, d + 3, seed=seed + 4) - 1
    return x, y


def gram_of(x: Matrix, kernel: Kernel) -> Matrix:
    if kernel == "linear":
        return x @ x.T
    distances = cdist(x, x)
    median = np.median([distances[i, j] for i, j in itertools.combinations(range(len(x)), 2)])
    gram: Matrix = np.exp(-(distances**2) / (2 * median**2))
    return gram


def biased_hsic(k: Matrix, l_: Matrix) -> float:
    n = len(k)
    h = np.eye(n) - np.ones((n, n)) / n
    return float(np.trace(k @ h @ l_ @ h) / (n - 1) ** 2)


def unbiased_hsic(k: Matrix, l_: Matrix) -> float:
    """The unbiased estimator of Song et al. (2012), as they write it."""
    n, one = len(k), np.ones(len(k))
    k, l_ = k - np.diag(np.diag(k)), l_ - np.diag(np.diag(l_))
    total = np.trace(k @ l_) + (one @ k @ one) * (one @ l_ @ one) / ((n - 1) * (n - 2))
    return float((total - 2 / (n - 2) * (one @ k @ l_ @ one)) / (n * (n - 3)))


def reference(x: Matrix, y: Matrix, estimator: str, kernel: Kernel) -> float:
    hsic = biased_hsic if estimator == "biased" else unbiased_hsic
    k, l_ = gram_of(x, kernel), gram_of(y, kernel)
    return hsic(k, l_) / math.sqrt(hsic(k, k) * hsic(l_, l_))


@pytest.mark.parametrize("estimator", ["debiased", "biased"])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize(("n", "d"), [(12, 30), (40, 7), (9, 9)])
def test_it_is_what_explicit_centring_matrices_give(
    estimator: Estimator, kernel: Kernel, n: int, d: int
) -> None:
    x, y = related(n, d)
    assert cka(x, y, estimator, kernel=kernel) == pytest.approx(reference(x, y, estimator, kernel), abs=1e-10)


def test_unbiased_hsic_is_the_mean_over_all_quadruples_of_its_kernel() -> None:
    x, y = related(6, 3)
    k, l_ = gram_of(x, "linear"), gram_of(y, "linear")
    terms = []
    for i, j, q, r in itertools.permutations(range(6), 4):
        terms.append(k[i, j] * (l_[i, j] + l_[q, r] - 2 * l_[i, q]))
    assert unbiased_hsic(k, l_) == pytest.approx(float(np.mean(terms)))


@pytest.mark.parametrize("estimator", ["debiased", "biased"])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("n", [20, 60])
def test_it_ignores_rotation_scale_and_shift(estimator: Estimator, kernel: Kernel, n: int) -> None:
    x, y = related(n, 25)
    rotation, _ = np.linalg.qr(normal(25, 25, seed=9))
    value = cka(x, y, estimator, kernel=kernel)
    assert cka(x, x, estimator, kernel=kernel) == pytest.approx(1)
    assert cka(y, x, estimator, kernel=kernel) == pytest.approx(value)
    assert cka(x @ rotation, y, estimator, kernel=kernel) == pytest.approx(value)
    assert cka(0.01 * x, y, estimator, kernel=kernel) == pytest.approx(value)
    assert cka(x + 100, y, estimator, kernel=kernel) == pytest.approx(value)


def test_linear_cka_of_uncorrelated_and_equal_directions_has_its_closed_form() -> None:
    # Orthonormal centred columns a, b, c: CKA([a, b], [a, c]) = 1 / 2.
    columns = np.linalg.qr(np.column_stack([np.ones(30), normal(30, 3)]))[0][:, 1:]
    assert cka(columns[:, :2], columns[:, [0, 2]], "biased") == pytest.approx(0.5)


def test_rbf_tends_to_linear_for_a_large_bandwidth() -> None:
    x, y = related(30, 10)
    assert cka(x, y, "biased", kernel="rbf", bandwidth=300) == pytest.approx(cka(x, y, "biased"), abs=1e-4)


def test_debiased_cka_of_independent_gaussians_is_zero_and_biased_is_not() -> None:
    pairs = [(normal(100, 768, seed=2 * i), normal(100, 768, seed=2 * i + 1)) for i in range(8)]
    for kernel in ("linear", "rbf"):
        debiased = np.mean([cka(x, y, kernel=kernel) for x, y in pairs])
        biased = np.mean([cka(x, y, "biased", kernel=kernel) for x, y in pairs])
        assert abs(debiased) < 0.02
        assert biased > 0.7


def test_more_sentences_than_dimensions_change_the_way_not_the_value() -> None:
    x, y = related(50, 8)
    padded = np.hstack([x, np.zeros((50, 60))])  # takes the way of Gram matrices
    for estimator in ("debiased", "biased"):
        assert cka(x, y, estimator) == pytest.approx(cka(padded, y, estimator), abs=1e-12)


def test_float32_states_are_computed_in_float64() -> None:
    x, y = related(200, 16)
    shifted = (x + 1000).astype(np.float32)
    assert cka(shifted, y) == pytest.approx(cka(shifted.astype(np.float64), y), abs=1e-14)


def test_muller_takes_four_overlapping_slices() -> None:
    x, y = related(41, 6)
    values = []
    for i in range(4):
        a, b = x[i : i + 10], y[i : i + 10]
        grams = []
        for one in (a, b):
            squared = cdist(one, one) ** 2
            sigma = math.sqrt(np.median(squared[squared != 0]))
            grams.append(np.exp(-0.5 * squared / sigma**2))
        k, l_ = grams
        values.append(biased_hsic(k, l_) / math.sqrt(biased_hsic(k, k) * biased_hsic(l_, l_)))
    mean, deviation = muller_cka(x, y)
    assert (mean, deviation) == pytest.approx((np.mean(values), np.std(values)))
    assert cka(x, y, "muller") == mean
    changed = y.copy()
    changed[13:] = 0
    assert muller_cka(x, changed) == (mean, deviation)  # sentences 13 to 40 are never looked at


def test_minibatches_average_hsic_before_dividing() -> None:
    x, y = related(60, 40)
    parts = [(x[i : i + 20], y[i : i + 20]) for i in range(0, 60, 20)]
    sums = np.zeros(3)
    for a, b in parts:
        k, l_ = gram_of(a, "linear"), gram_of(b, "linear")
        sums += [unbiased_hsic(k, l_), unbiased_hsic(k, k), unbiased_hsic(l_, l_)]
    assert minibatch_cka(parts) == pytest.approx(sums[0] / math.sqrt(sums[1] * sums[2]))
    assert minibatch_cka([(x, y)]) == pytest.approx(cka(x, y))
    assert minibatch_cka(parts) == pytest.approx(cka(x, y), abs=0.1)
    with pytest.raises(DataError, match="no batch of sentences"):
        minibatch_cka([])


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_permutations_tell_related_from_unrelated(kernel: Kernel) -> None:
    x, y = related(30, 12)
    null = permutation_null(x, y, kernel=kernel, permutations=99)
    assert null.value == pytest.approx(cka(x, y, kernel=kernel))
    assert null.p_value == 0.01
    assert abs(np.mean(null.permuted)) < 0.05
    order = np.random.default_rng(0).permutation(30)
    assert null.permuted[0] == pytest.approx(cka(x, y[order], kernel=kernel))
    unrelated = permutation_null(x, normal(30, 12, seed=77), kernel=kernel, permutations=99)
    assert unrelated.p_value > 0.05


def test_equal_vectors_have_no_cka() -> None:
    same = np.tile(normal(1, 6).astype(np.float32), (10, 1))
    assert math.isnan(cka(same, normal(10, 6)))
    assert math.isnan(cka(normal(10, 6), same, "biased", kernel="rbf"))
    assert math.isnan(muller_cka(same, normal(10, 6))[0])
    with pytest.raises(DataError, match="all the same"):
        permutation_null(same, normal(10, 6))


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (normal(5, 3), normal(6, 3), {}, r"shapes \(5, 3\) and \(6, 3\)"),
        (normal(3, 3), normal(3, 3), {}, "3 sentences are too few; expected at least 4"),
        (normal(5, 3), np.full((5, 3), np.nan), {}, "not finite"),
        (normal(5, 3), normal(5, 3), {"estimator": "debaised"}, "did you mean 'debiased'"),
        (normal(5, 3), normal(5, 3), {"kernel": "cubic"}, "unknown kernel 'cubic'"),
        (normal(5, 3), normal(5, 3), {"kernel": "rbf", "bandwidth": 0}, "bandwidth 0"),
    ],
)
def test_what_can_not_be_compared_is_refused(
    x: Matrix, y: Matrix, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        cka(x, y, **options)
