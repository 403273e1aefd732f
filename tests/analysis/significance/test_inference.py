from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from layerlab.analysis.significance.inference import (
    EXACT_SEEDS,
    bootstrap_means,
    cohens_dz,
    false_discovery,
    percentiles,
    seeds_needed,
    sign_flip_test,
    smallest_p,
)


def brute_force_p(differences: list[float]) -> float:
    """Try every combination of signs, one after the other."""
    seen = abs(sum(differences))
    flips = [
        abs(sum(sign * value for sign, value in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(flip >= seen - 1e-12 for flip in flips) / len(flips)


@pytest.mark.parametrize("n", range(2, 8))
def test_the_exact_test_agrees_with_brute_force_and_scipy(n: int) -> None:
    rng = np.random.default_rng(n)
    rows = np.round(rng.normal(0.5, 1, (20, n)), 1)  # rounded, so that there are ties and zeros
    found = sign_flip_test(rows)
    assert found == pytest.approx([brute_force_p(list(row)) for row in rows])
    for row, p in zip(rows[:3], found[:3], strict=True):
        other = stats.permutation_test(
            (row,), lambda x: abs(np.mean(x)), permutation_type="samples", n_resamples=np.inf,
            alternative="greater",
        )  # fmt: skip
        assert p == pytest.approx(other.pvalue)


def test_rounding_of_sums_makes_no_difference_of_ties() -> None:
    assert sign_flip_test([0.1, 0.2, 0.3, -0.6]) == pytest.approx(1.0)
    same = sign_flip_test([0.1, 0.1, 0.1, 0.1, 0.1])
    assert same == pytest.approx(smallest_p(5)) == pytest.approx(0.0625)


def test_drawn_signs_come_near_the_exact_test() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(0.3, 1, (6, EXACT_SEEDS + 1))
    found = sign_flip_test(rows)
    assert found == pytest.approx([brute_force_p(list(row)) for row in rows[:6]], abs=0.02)
    assert found.tolist() == sign_flip_test(rows).tolist()
    assert sign_flip_test(np.full(EXACT_SEEDS + 1, 1.0) + rng.random(14)) >= smallest_p(EXACT_SEEDS + 1) > 0


def test_one_seed_and_missing_differences_give_no_p() -> None:
    assert np.isnan(sign_flip_test([[0.1], [0.2]])).tolist() == [True, True]
    assert np.isnan(sign_flip_test([[0.1, 0.2, np.nan], [0.1, 0.2, 0.3]])).tolist() == [True, False]
    assert sign_flip_test(np.ones((2, 3, 4))).shape == (2, 3)


@pytest.mark.parametrize("n", [6, 8, 10])
def test_false_positives_are_as_rare_as_promised_whatever_the_symmetric_noise(n: int) -> None:
    rng = np.random.default_rng(n)
    for noise in (rng.normal(size=(4000, n)), rng.standard_t(2, (4000, n)), rng.uniform(-1, 1, (4000, n))):
        p = sign_flip_test(noise)
        for level in (0.05, 0.1, 0.2):
            # The p values of an exact test fall on steps of 2 / 2**n; at a step the rate is the level itself.
            step = np.floor(level / smallest_p(n)) * smallest_p(n)
            assert np.mean(p <= level) == pytest.approx(step, abs=4 * np.sqrt(step / 4000))


def test_real_effects_are_found_from_the_seeds_that_are_needed() -> None:
    rng = np.random.default_rng(0)
    effects = rng.normal(1, 0.1, (50, seeds_needed()))
    assert (sign_flip_test(effects) <= 0.05).all()
    assert (sign_flip_test(effects[:, :-1]) > 0.05).all()


def test_the_seeds_needed_are_the_fewest_whose_smallest_p_reaches_the_level() -> None:
    for level in (0.05, 0.0625, 0.01, 0.001):
        needed = seeds_needed(level)
        assert smallest_p(needed) <= level < smallest_p(needed - 1)
    for n_tests in (1, 3, 18, 40):
        needed = seeds_needed(0.05, n_tests)
        alone = [[*[0.9] * (n_tests - 1), smallest_p(n)] for n in (needed - 1, needed)]
        assert [min(false_discovery(p)) <= 0.05 for p in alone] == [False, True]


@pytest.mark.parametrize("method", ["bh", "by"])
def test_q_values_are_scipys(method: str) -> None:
    rng = np.random.default_rng(3)
    for size in (1, 2, 7, 40):
        p = np.round(rng.random(size) ** 2, 2)
        expected = stats.false_discovery_control(p, method=method)
        assert false_discovery(p, method) == pytest.approx(expected)  # type: ignore[arg-type]


def test_missing_p_values_are_no_tests() -> None:
    q = false_discovery([0.01, np.nan, 0.04])
    assert q[[0, 2]] == pytest.approx(stats.false_discovery_control([0.01, 0.04]))
    assert np.isnan(q[1])
    assert np.isnan(false_discovery([np.nan, np.nan])).all()
    assert false_discovery([]).shape == (0,)


def test_false_discoveries_stay_below_the_level() -> None:
    rng = np.random.default_rng(5)
    shares, found = [], 0
    for _ in range(400):
        # 24 tests of 10 seeds that share a baseline, so that they depend on one another; 6 effects are real.
        truth = np.arange(24) < 6
        noise = rng.normal(size=(24, 10)) + rng.normal(size=(1, 10))
        rejected = false_discovery(sign_flip_test(noise + 3.0 * truth[:, None])) <= 0.1
        shares.append((rejected & ~truth).sum() / max(1, rejected.sum()))
        found += int((rejected & truth).sum())
    assert np.mean(shares) <= 0.1
    assert found / (400 * 6) > 0.8


def test_cohens_dz_is_the_paired_t_statistic_over_the_root_of_n() -> None:
    rng = np.random.default_rng(7)
    before, after = rng.random((2, 9))
    t = stats.ttest_rel(before, after).statistic
    assert cohens_dz(before - after) == pytest.approx(t / 3)
    assert np.isnan(cohens_dz([1.0]))
    assert np.isnan(cohens_dz([0.0, 0.0]))
    assert cohens_dz([0.1, 0.1, 0.1]) == np.inf


def test_bootstrap_intervals_are_scipys_up_to_the_draw() -> None:
    rng = np.random.default_rng(11)
    rows = rng.normal(0.2, 1, (3, 12))
    low, high = bootstrap_means(rows, resamples=20_000)
    for row, *ends in zip(rows, low, high, strict=True):
        other = stats.bootstrap((row,), np.mean, method="percentile", n_resamples=20_000, rng=rng)
        assert ends == pytest.approx(list(other.confidence_interval), abs=0.03)


def test_bootstrap_intervals_of_many_seeds_cover_and_of_five_are_too_narrow() -> None:
    rng = np.random.default_rng(13)
    covered = {}
    for n in (5, 40):
        low, high = bootstrap_means(rng.normal(size=(2000, n)), resamples=1000)
        covered[n] = np.mean((low <= 0) & (high >= 0))
    assert covered[40] == pytest.approx(0.94, abs=0.02)
    assert covered[5] == pytest.approx(5 / 6, abs=0.03)  # as its documentation says


def test_one_seed_has_no_bootstrap_interval() -> None:
    low, high = bootstrap_means([[0.1], [0.2]])
    assert np.isnan([*low, *high]).all()


def test_percentiles_leave_out_what_is_missing() -> None:
    low, high = percentiles(np.array([np.nan, *np.arange(101.0)]), 0.9)
    assert (low, high) == pytest.approx((5, 95))


def test_statistics_need_neither_torch_nor_the_slow_part_of_scipy() -> None:
    code = (
        "import sys, layerlab.analysis.significance.effects, layerlab.analysis.transfer.correlation\n"
        "import layerlab.report.tables.formats.text\n"
        "assert not {'torch', 'transformers', 'scipy.stats'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
