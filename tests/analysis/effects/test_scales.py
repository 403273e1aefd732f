from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from layerlab.analysis.effects.limits import baselines_at_limits
from layerlab.analysis.effects.scales import SCALES, log_odds, slope
from layerlab.analysis.effects.sensitivity import EFFECT_COLUMNS, sensitivity, t_interval, transfer_gap
from layerlab.analysis.records.tidy import load_records, validate_records, write_records
from layerlab.analysis.significance.effects import significance
from layerlab.errors import RecordsError
from layerlab.report.style.caution import limit_words

Rows = Callable[..., pd.DataFrame]


def logit(right: float, n: int) -> float:
    return float(np.log((right + 0.5) / (n - right + 0.5)))


@pytest.fixture
def study(rows: Rows) -> pd.DataFrame:
    """Of 1,000 words 993 and more, then 990 are right on the source; on targets 600 to 730."""
    runs = []
    for seed in range(4):
        runs.append(("", seed, {"en": 0.993 + seed / 500, "de": 0.70 + seed / 100, "fr": 0.60}))
        runs.append(("0-1", seed, {"en": 0.990, "de": 0.60, "fr": 0.50 - seed / 100}))
    return rows(*runs).assign(n=1000)


def rows_of(effect: pd.DataFrame) -> dict[tuple[str, str], dict[Any, Any]]:
    """The rows of effects by quantity and target."""
    return {(row["quantity"], row["target"]): row for row in effect.to_dict("records")}


def test_effects_in_log_odds_are_differences_of_log_odds_paired_by_seed(study: pd.DataFrame) -> None:
    found = rows_of(sensitivity(study, scale="log-odds"))
    source = [logit(993 + 2 * seed, 1000) - logit(990, 1000) for seed in range(4)]
    de = [logit(700 + 10 * seed, 1000) - logit(600, 1000) for seed in range(4)]
    fr = [logit(600, 1000) - logit(500 - 10 * seed, 1000) for seed in range(4)]
    mean = [(one + other) / 2 for one, other in zip(de, fr, strict=True)]
    gap = [one - other for one, other in zip(mean, source, strict=True)]
    for key, values in {
        ("source_drop", "en"): source, ("zero_shot_drop", "de"): de, ("zero_shot_drop", "mean"): mean,
        ("gap_change", "mean"): gap,
    }.items():  # fmt: skip
        row = found[key]
        assert row["effect"] == pytest.approx(np.mean(values))
        assert (row["low"], row["high"]) == pytest.approx(t_interval(values))
        assert row["scale"] == "log-odds"


def test_a_gap_that_opens_in_points_can_close_in_log_odds(rows: Rows) -> None:
    frame = rows(("", 0, {"en": 0.995, "de": 0.70}), ("0-1", 0, {"en": 0.985, "de": 0.60})).assign(n=1000)
    points, odds = (rows_of(sensitivity(frame, scale=scale))["gap_change", "de"] for scale in SCALES)
    assert points["effect"] > 0 > odds["effect"]


def test_points_are_what_they_were_and_both_scales_say_how_high_the_baseline_is(study: pd.DataFrame) -> None:
    points, odds = sensitivity(study), sensitivity(study, scale="log-odds")
    assert set(points["scale"]) == {"points"}
    for frame in (points, odds):
        found = rows_of(frame)
        assert found["source_drop", "en"]["score"] == pytest.approx(0.996)
        for quantity in ("zero_shot_drop", "gap_change"):
            assert found[quantity, "mean"]["score"] == pytest.approx(0.6575)
    with pytest.raises(RecordsError, match="unknown scale 'logits'"):
        sensitivity(study, scale="logits")  # type: ignore[arg-type]


def test_nothing_wrong_is_finite_where_n_is_known_and_missing_where_not(rows: Rows) -> None:
    frame = rows(("", 0, {"en": 1.0}), ("0-1", 0, {"en": 0.9}), ("", 1, {"en": 0.8}), ("0-1", 1, {"en": 0.7}))
    assert np.isfinite(sensitivity(frame.assign(n=100), scale="log-odds")["effect"]).all()
    bare = significance(frame.assign(n=None), scale="log-odds")
    assert bare[["effect", "low", "p", "p_equivalent", "boot_low"]].isna().all(axis=None)
    assert log_odds(1.0, 1000) > log_odds(1.0, 10) > log_odds(0.9, 10)


def test_the_slope_is_the_derivative_of_the_log_odds() -> None:
    value, n, step = np.array([0.02, 0.5, 0.97, 1.0]), np.array([50, 100, 1000, 300]), 1e-6
    rise = (log_odds(value, n) - log_odds(value - step, n)) / step
    assert slope(value, n) == pytest.approx(rise, rel=1e-3)
    assert slope(0.25, np.nan) == pytest.approx(1 / (0.25 * 0.75))


def test_tests_on_both_scales_have_the_margin_of_the_scale(study: pd.DataFrame) -> None:
    points, odds = significance(study), significance(study, scale="log-odds")
    assert (set(points["margin"]), set(odds["margin"])) == ({0.01}, {0.1})
    assert set(significance(study, margin=0.2)["margin"]) == {0.2}
    with pytest.raises(RecordsError, match="margin of an equivalence test is -1, expected a number above 0"):
        significance(study, margin=-1)


def test_gaps_are_on_either_scale(study: pd.DataFrame) -> None:
    gap = transfer_gap(study, scale="log-odds")
    row = gap[(gap["ablation"] == "none") & (gap["seed"] == 0) & (gap["target"] == "fr")].iloc[0]
    assert row["gap"] == pytest.approx(logit(993, 1000) - logit(600, 1000))


def test_baselines_next_to_the_ceiling_and_below_the_floor_are_named(study: pd.DataFrame) -> None:
    floors = {"en": 0.2, "de": 0.3, "fr": 0.61}
    effect = sensitivity(study.assign(floor=study["target"].map(floors)))
    high, low = baselines_at_limits(effect)
    assert (high.target, high.floor, low.target, low.floor) == ("en", None, "fr", 0.61)
    words = limit_words(effect)
    assert "(baseline above 98%) points understate what is lost: en 99.6; compare effects" in words
    assert "Not above the floor" in words
    assert "fr 60.0 (floor 61.0)." in words
    assert limit_words(sensitivity(study[study["target"] != "en"])) == ""
    assert "rest on few errors: en 99.6." in limit_words(sensitivity(study, scale="log-odds"))


def test_records_keep_the_floor_and_older_ones_have_none(study: pd.DataFrame, tmp_path: object) -> None:
    path = f"{tmp_path}/records.csv"
    write_records(study.assign(floor=0.25), path)
    assert set(load_records(path)["floor"]) == {0.25}
    assert validate_records(study.drop(columns="floor"))["floor"].isna().all()


def test_effects_that_older_versions_wrote_still_warn(study: pd.DataFrame) -> None:
    older = ("scale", "score", "floor", "interval", "reference_low", "reference_high")
    effect = sensitivity(study)[[name for name in EFFECT_COLUMNS if name not in older]]
    assert "en 99.6" in limit_words(effect)
