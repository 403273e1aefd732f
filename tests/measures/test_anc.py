"""ANC is the mean of Pearson correlations, dimension by dimension."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import pearsonr

from layerlab.errors import DataError
from layerlab.measures.anc import anc


def test_it_is_the_mean_of_scipys_correlations() -> None:
    stream = np.random.default_rng(1)
    x = stream.normal(size=(40, 7)) * np.logspace(-3, 3, 7) + 5
    y = 0.4 * x + stream.normal(size=(40, 7)) * np.logspace(-3, 3, 7) - 100
    expected = np.mean([pearsonr(x[:, j], y[:, j]).statistic for j in range(7)])
    assert anc(x, y) == pytest.approx(expected, abs=1e-10)
    assert anc(y, x) == pytest.approx(anc(x, y))


def test_it_sees_a_rotation_that_cka_does_not() -> None:
    x = np.random.default_rng(2).normal(size=(500, 6))
    rotated = x[:, [1, 2, 3, 4, 5, 0]]
    assert anc(x, x) == pytest.approx(1)
    assert abs(anc(x, rotated)) < 0.1
    assert anc(x, -x) == pytest.approx(-1)


def test_unrelated_states_are_near_zero_also_in_many_dimensions() -> None:
    stream = np.random.default_rng(3)
    assert abs(anc(stream.normal(size=(100, 768)), stream.normal(size=(100, 768)))) < 0.02


def test_constant_dimensions_are_left_out() -> None:
    stream = np.random.default_rng(4)
    x, y = stream.normal(size=(30, 4)), stream.normal(size=(30, 4))
    fixed = x.copy()
    fixed[:, 1] = np.float32(3.3) + 1e-8 * stream.normal(size=30)
    kept = [0, 2, 3]
    assert anc(fixed, y) == pytest.approx(anc(x[:, kept], y[:, kept]))
    assert math.isnan(anc(np.ones((5, 3)), y[:5, :3]))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((5, 3), (5, 4)), r"got shapes \(5, 3\) and \(5, 4\)"),
        (((5, 3), (6, 3)), "as many rows"),
        (((2, 3), (2, 3)), "2 sentences are too few; expected at least 3"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    shapes: tuple[tuple[int, int], tuple[int, int]], message: str
) -> None:
    first, second = (np.random.default_rng(0).normal(size=shape) for shape in shapes)
    with pytest.raises(DataError, match=message):
        anc(first, second)
