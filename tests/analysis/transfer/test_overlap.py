"""Points of transfer against overlap are means over seeds, of targets in other languages alone."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.analysis.transfer.overlap import correlate_overlap, mean_points, overlap_points

Make = Callable[..., pd.DataFrame]


def test_a_point_is_a_model_a_target_and_a_seed(overlapping: Make) -> None:
    points = overlap_points(overlapping())
    assert len(points) == 2 * 6 * 2 * 3
    assert set(points["target"]) == {"de", "fr"}
    chosen = points[(points["task"] == "ner") & (points["model"] == "half") & (points["target"] == "fr")]
    assert set(chosen["metric"]) == {"span_f1"}
    assert list(chosen["seed"]) == [0, 1, 2]
    assert list(chosen["shared"]) == pytest.approx([0.4, 0.42, 0.44])
    assert list(chosen["score"]) == pytest.approx([0.35, 0.36, 0.37])
    (mean,) = mean_points(chosen).to_dict("records")
    assert (mean["shared"], mean["score"], mean["n_seeds"]) == (pytest.approx(0.42), pytest.approx(0.36), 3)
    pieces = overlap_points(overlapping(), shared="shared_pieces")
    assert list(pieces["shared"]) == pytest.approx(list(points["shared"] / 2))


def test_one_encoder_of_all_seeds_has_one_overlap(overlapping: Make) -> None:
    frame = overlapping()
    points = overlap_points(frame[(frame["ablation"] != "overlap") | (frame["seed"] == 0)])
    half = points[points["model"] == "half"]
    assert set(half["seed"]) == {0, 1, 2}
    assert list(half["shared"]) == pytest.approx([0.4] * len(half))


def test_encoders_kept_on_the_way_are_left_out_beside_the_last(overlapping: Make) -> None:
    frame = overlapping()
    early = frame[frame["model"] == "joint"].assign(model="joint@50", step=50)
    early["run_id"] += "-early"
    both = pd.concat([frame, early.astype(frame.dtypes.to_dict())])
    assert set(overlap_points(both)["model"]) == set(overlap_points(frame)["model"])
    assert set(overlap_points(early)["model"]) == {"joint@50"}


def test_rho_is_over_models_for_each_target_or_over_all_points(overlapping: Make) -> None:
    points = mean_points(overlap_points(overlapping()))
    upos = points[points["task"] == "upos"]
    assert correlate_overlap(upos) == pytest.approx({"de": 1, "fr": 1})
    (together,) = correlate_overlap(upos[upos["model"].isin(["joint", "half", "none"])]).items()
    assert together[0] == ""
    assert 0 < together[1] < 1
    assert correlate_overlap(upos.head(4)) == {}
    assert correlate_overlap(upos.assign(shared=0.0)) == {}


def test_effects_of_ablations_are_the_same_with_overlaps(overlapping: Make) -> None:
    frame = overlapping()
    without = frame[frame["ablation"] != "overlap"]
    pd.testing.assert_frame_equal(sensitivity(frame), sensitivity(without))
    assert overlap_points(without).empty
