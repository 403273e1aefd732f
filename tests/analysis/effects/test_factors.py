"""An encoder that lacks a factor of pretraining is an ablation of the encoder that it is compared with."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from layerlab.analysis.effects.factors import comparable_scores
from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.analysis.effects.sweeps import FACTORS, select_scores
from layerlab.analysis.records.tidy import load_records, validate_records, write_records
from layerlab.analysis.significance.effects import significance
from layerlab.report.tables.effects.paper import paper_table

Make = Callable[..., pd.DataFrame]
SEEDS = (0, 1, 2, 3, 4, 5)
NUMBERS = ["reference", "ablated", "effect", "low", "high", "n_seeds"]


@pytest.fixture
def frame(synthetic: Make) -> pd.DataFrame:
    """Records of three encoders, of which two lack a factor of the first; one sweep of each over layers."""
    frame = synthetic(models=("default", "no anchors", "apart"), seeds=SEEDS, n_layers=4)
    lacking = frame["model"] != "default"
    return validate_records(frame.assign(against=lacking.map({True: "default", False: ""}), step=4000))


def of_factors(effect: pd.DataFrame) -> pd.DataFrame:
    return effect[effect["sweep"] == FACTORS]


def test_effects_are_differences_paired_by_seed(frame: pd.DataFrame) -> None:
    effect = of_factors(sensitivity(frame))
    scores = select_scores(frame)
    scores = scores[(scores["ablation"] == "none") & (scores["target"] != "en")]
    means = scores.groupby(["model", "seed"])["value"].mean().unstack("seed")
    rows = effect[(effect["quantity"] == "zero_shot_drop") & (effect["target"] == "mean")]
    found = rows.set_index("ablation")["effect"]
    for name in ("no anchors", "apart"):
        assert found[name] == pytest.approx((means.loc["default"] - means.loc[name]).mean())
    assert set(effect["model"]) == {"default"}
    assert set(effect["phase"]) == {"pretraining"}


def test_they_are_those_of_ablations_with_the_same_scores(frame: pd.DataFrame) -> None:
    plain = frame[frame["ablation"] == "none"]
    lacking = plain["against"] != ""
    named = plain.assign(
        model="default",
        ablation=plain["model"].where(lacking, "none"),
        phase=lacking.map({True: "before", False: "none"}),
        options=lacking.map({True: "[]", False: "[]"}),
        against="",
    )
    key = ["ablation", "quantity", "target"]
    one, other = (
        significance(rows).set_index(key)[[*NUMBERS, "p", "q"]].sort_index() for rows in (plain, named)
    )
    pd.testing.assert_frame_equal(one, other)


def test_they_are_a_family_and_a_panel_of_their_own_beside_sweeps(frame: pd.DataFrame) -> None:
    effect = significance(frame)
    own = of_factors(effect)
    assert set(own[own["target"] == "mean"]["n_tests"]) == {2}
    sweeps = effect[effect["sweep"] != FACTORS]
    without = significance(frame.assign(against=""))
    pd.testing.assert_frame_equal(sweeps.reset_index(drop=True), without.reset_index(drop=True))
    sections = paper_table(effect).sections
    (section,) = (one for one in sections if FACTORS in one.title)
    assert [row.names[0] for row in section.rows] == ["REF", "apart", "no anchors"]


def test_nothing_is_added_where_nothing_is_compared(synthetic: Make) -> None:
    frame = synthetic()
    pd.testing.assert_frame_equal(comparable_scores(frame), select_scores(frame))


def test_files_keep_what_is_compared(frame: pd.DataFrame, tmp_path: object) -> None:
    for name in ("records.csv", "records.parquet"):
        again = load_records(write_records(frame, f"{tmp_path}/{name}"))
        assert set(again["step"]) == {4000}
        assert set(again[again["against"] != ""]["model"]) == {"no anchors", "apart"}
