"""Means by layer are those that pandas gives, over complete seeds alone."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from scipy import stats

from layerlab.errors import RecordsError
from layerlab.report.figures.figure import only_setting
from layerlab.report.figures.layers.layer_curves import (
    PLACE,
    condition_styles,
    layer_means,
    measure_rows,
    rows_of_measure,
)

Make = Callable[..., pd.DataFrame]


def test_scores_and_single_directions_are_no_rows_of_measures(measured: Make) -> None:
    frame = measured(targets=("de", "fr"))
    rows = measure_rows(frame)
    assert set(rows["measure"]) == {
        "cka", "retrieval", "change_cka", "drift", "drift_attention", "drift_ffn", "drift_norm",
    }  # fmt: skip
    assert set(rows[rows["pretrained"]]["metric"]) == {"cka_pretrained", "retrieval_pretrained"}


def test_means_and_intervals_are_over_targets_then_seeds(measured: Make) -> None:
    frame = measured(targets=("de", "fr"))
    rows = frame[(frame["metric"] == "cka") & (frame["ablation"] == "none")]
    found = layer_means(rows)
    by_seed = rows.groupby(["layer", "seed"])["value"].mean().unstack()
    assert list(found.index) == list(range(5))
    assert list(found["mean"]) == pytest.approx(list(by_seed.mean(axis=1)))
    low, high = stats.t.interval(0.95, 2, by_seed.mean(axis=1), by_seed.sem(axis=1))
    assert list(found["low"]) == pytest.approx(list(low))
    assert list(found["high"]) == pytest.approx(list(high))


def test_a_seed_that_lacks_a_target_does_not_count(measured: Make) -> None:
    frame = measured(targets=("de", "fr"))
    rows = frame[(frame["metric"] == "cka") & (frame["ablation"] == "none")]
    lacking = rows[~((rows["seed"] == 0) & (rows["target"] == "de"))]
    found = layer_means(lacking)
    assert set(found["n_seeds"]) == {2}
    assert list(found["mean"]) == pytest.approx(list(layer_means(rows[rows["seed"] != 0])["mean"]))


def test_ordered_ablations_beyond_seven_go_from_dark_to_light() -> None:
    names = ["pretrained", "fine-tuned", *(f"layers {layer}" for layer in range(12))]
    ordered = condition_styles(names, ordered=True)
    light = [0.299 * red + 0.587 * green + 0.114 * blue for red, green, blue, _ in
             (ordered[name]["color"] for name in names[2:])]  # fmt: skip
    assert light == sorted(light)
    assert len({str(style["color"]) for style in ordered.values()}) == 14


def test_what_is_not_there_is_said(measured: Make, synthetic: Make) -> None:
    with pytest.raises(RecordsError, match="no measures of layers: the study needs 'measures'"):
        rows_of_measure(synthetic(n_layers=2), "cka")
    frame = measured(targets=("de",), models=("a", "b"))
    with pytest.raises(RecordsError, match="unknown measure 'ckaa'; did you mean 'cka'"):
        rows_of_measure(frame, "ckaa")
    with pytest.raises(RecordsError, match="one setting, and the records have 2"):
        only_setting(rows_of_measure(frame, "cka"), "a figure", PLACE)
