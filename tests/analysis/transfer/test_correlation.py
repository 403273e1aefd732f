from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from layerlab.analysis.effects.sensitivity import ABLATION, SETTING
from layerlab.analysis.records.measured import complete_measured
from layerlab.analysis.records.tidy import validate_records
from layerlab.analysis.transfer.correlation import CORRELATION_COLUMNS, correlate, spearman
from layerlab.errors import RecordsError

LANGUAGES = ("de", "fr", "ru", "hi", "zh", "ja")


def gaps(values: dict[str, float], seeds: tuple[int, ...] = (0, 1), **other: Any) -> pd.DataFrame:
    named = dict.fromkeys((*SETTING, *ABLATION), "") | {"model": "m", "source": "en", **other}
    noise = {seed: (seed - np.mean(seeds)) / 100 for seed in seeds}
    return pd.DataFrame(
        [
            named | {"target": target, "seed": seed, "gap": value + noise[seed]}
            for target, value in values.items()
            for seed in seeds
        ]
    )


def similarities(levels: dict[int, dict[str, float]], measure: str = "cka", **other: Any) -> pd.DataFrame:
    rows = [
        {"model": "m", "source": "en", "target": target, "layer": layer, "measure": measure}
        | {"value": value, "n": 100, **other}
        for layer, values in levels.items()
        for target, value in values.items()
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("n", [4, 5, 6])
def test_rho_and_p_are_those_of_all_orders(n: int) -> None:
    rng = np.random.default_rng(n)
    x, y = rng.integers(0, 5, (2, n)).astype(float)  # with ties
    found = spearman(x, y)
    rho = stats.spearmanr(x, y).statistic
    orders = [stats.spearmanr(x, np.array(order)).statistic for order in itertools.permutations(y)]
    assert found["rho"] == pytest.approx(rho)
    assert found["p"] == pytest.approx(np.mean(np.abs(orders) >= abs(rho) - 1e-9))


def test_intervals_are_scipys_up_to_the_draw() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=25)
    y = x + rng.normal(size=25)
    found = spearman(x, y, resamples=4000)
    other = stats.bootstrap(
        (x, y), lambda a, b: stats.spearmanr(a, b).statistic, paired=True, vectorized=False,
        method="percentile", n_resamples=1500, rng=rng,
    )  # fmt: skip
    assert (found["low"], found["high"]) == pytest.approx(tuple(other.confidence_interval), abs=0.05)
    assert found["p"] <= 0.01


def test_without_a_relation_p_is_uniform() -> None:
    rng = np.random.default_rng(4)
    p = [spearman(*rng.normal(size=(2, 9)), resamples=200)["p"] for _ in range(600)]
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.04)


def test_what_cannot_be_told_is_missing() -> None:
    assert all(np.isnan(value) for value in spearman([1, 2], [2, 1]).values())
    assert all(np.isnan(value) for value in spearman([1, 1, 1, 1], [1, 2, 3, 4]).values())
    three = spearman([1, 2, 3], [3, 2, 1])
    assert (three["rho"], three["p"]) == pytest.approx((-1, 2 / 6))
    assert np.isnan(three["low"])


def test_every_level_is_correlated_with_the_mean_gap_over_seeds() -> None:
    gap = gaps(dict(zip(LANGUAGES, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), strict=True)))
    falling = dict(zip(LANGUAGES, (0.9, 0.8, 0.7, 0.6, 0.5, 0.4), strict=True))
    mixed = dict(zip(LANGUAGES, (0.5, 0.9, 0.4, 0.7, 0.6, 0.8), strict=True))
    found = correlate(gap, similarities({0: mixed, 1: falling}))
    assert list(found.columns) == list(CORRELATION_COLUMNS)
    assert found["layer"].tolist() == [0, 1]
    expected = stats.spearmanr(list(range(6)), list(mixed.values())).statistic
    assert found["rho"].tolist() == pytest.approx([expected, -1])
    assert found["p"].iloc[1] == pytest.approx(2 / 720)
    assert found["q"].tolist() == pytest.approx(stats.false_discovery_control(found["p"]).tolist())
    assert (found["low"] <= found["rho"] + 1e-12).all()
    assert (found["rho"] <= found["high"] + 1e-12).all()
    assert found["n_languages"].tolist() == [6, 6]
    assert found["languages"].iloc[0] == "de,fr,hi,ja,ru,zh"
    assert found["n_seeds"].tolist() == [2, 2]


def test_ablations_and_measures_have_rows_and_families_of_their_own() -> None:
    values = dict(zip(LANGUAGES, (0.1, 0.3, 0.2, 0.4, 0.5, 0.6), strict=True))
    gap = pd.concat([gaps(values, ablation="none"), gaps(values, ablation="reset(0-1)@before")])
    alike = {layer: {name: 1 - value for name, value in values.items()} for layer in (0, 3)}
    found = correlate(gap, pd.concat([similarities(alike), similarities(alike, "retrieval")]))
    assert len(found) == 2 * 2 * 2
    assert found["q"].tolist() == pytest.approx(found["p"].tolist())  # two equal p values in each family


def test_languages_that_one_side_lacks_are_left_out() -> None:
    gap = gaps(dict(zip(LANGUAGES, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), strict=True)))
    part = similarities({2: {"de": 0.9, "fr": 0.8, "ru": 0.7, "sv": 0.5}})
    assert correlate(gap, part)["languages"].tolist() == ["de,fr,ru"]


def test_records_of_measured_encoders_are_similarities() -> None:
    gap = gaps({"de": 0.1, "fr": 0.2, "ru": 0.3})
    alike = similarities({0: {"de": 0.9, "fr": 0.8, "ru": 0.7}})
    records = validate_records(complete_measured(alike.rename(columns={"measure": "metric"})))
    pd.testing.assert_frame_equal(correlate(gap, records), correlate(gap, alike), check_dtype=False)


def test_frames_that_do_not_fit_are_refused() -> None:
    gap = gaps({"de": 0.1, "fr": 0.2, "ru": 0.3})
    alike = similarities({0: {"de": 0.9, "fr": 0.8, "ru": 0.7}})
    with pytest.raises(RecordsError, match="gaps of m en-de; .*similarities of other en-de"):
        correlate(gap, alike.assign(model="other"))
    with pytest.raises(RecordsError, match="two similarities of m, en, de, 0, cka"):
        correlate(gap, pd.concat([alike, alike]))
    with pytest.raises(RecordsError, match="frame of similarities lacks the columns measure"):
        correlate(gap, alike.drop(columns="measure"))
    with pytest.raises(RecordsError, match="frame of gaps lacks the columns gap"):
        correlate(gap.drop(columns="gap"), alike)
