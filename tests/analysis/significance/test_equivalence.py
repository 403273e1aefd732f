from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from layerlab.analysis.significance.equivalence import equivalence_test


@pytest.mark.parametrize("n_seeds", [2, 3, 8])
def test_it_is_the_larger_p_of_two_one_sided_t_tests(n_seeds: int) -> None:
    rng = np.random.default_rng(n_seeds)
    differences = rng.normal(0.004, 0.01, (40, n_seeds))
    above = stats.ttest_1samp(differences, -0.01, axis=1, alternative="greater").pvalue
    below = stats.ttest_1samp(differences, 0.01, axis=1, alternative="less").pvalue
    assert equivalence_test(differences, 0.01) == pytest.approx(np.maximum(above, below))


def test_it_rejects_where_the_90_percent_interval_lies_within_the_margin() -> None:
    rng = np.random.default_rng(0)
    for row in rng.normal(0.003, 0.006, (60, 5)):
        low, high = stats.t.interval(0.9, 4, row.mean(), stats.sem(row))
        assert bool(equivalence_test(row, 0.01) <= 0.05) == (low >= -0.01 and high <= 0.01)


def test_an_effect_as_large_as_the_margin_is_seldom_called_small() -> None:
    rng = np.random.default_rng(1)
    p = equivalence_test(rng.normal(0.01, 0.004, (4000, 4)), 0.01)
    assert 0.035 < (p <= 0.05).mean() < 0.065


def test_what_cannot_be_tested_is_missing_and_what_does_not_vary_is_decided() -> None:
    assert np.isnan(equivalence_test([[0.1]], 0.01)).all()
    assert np.isnan(equivalence_test([0.1, np.nan], 0.01))
    assert equivalence_test([[0.0, 0.0], [0.02, 0.02]], 0.01).tolist() == [0.0, 1.0]
