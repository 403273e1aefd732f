"""Points of transfer against overlap are means over seeds, of targets in other languages alone."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from layerlab.analysis.effects.sensitivity import sensitivity, t_interval
from layerlab.analysis.transfer.overlap import correlate_overlap, overlap_points

Make = Callable[..., pd.DataFrame]


def test_a_point_is_a_model_and_a_target(overlapping: Make) -> None:
    points = overlap_points(overlapping())
    assert len(points) == 2 * 6 * 2
    assert set(points["target"]) == {"de", "fr"}
    chosen = points[(points["task"] == "ner") & (points["model"] == "half") & (points["target"] == "fr")]
    (point,) = chosen.to_dict("records")
    assert point["metric"] == "span_f1"
    assert point["shared"] == pytest.approx(0.4 + 0.02)
    assert point["score"] == pytest.approx(0.2 + 0.3 / 2 + 0.01)
    assert (point["low"], point["high"]) == pytest.approx(t_interval([0.35, 0.36, 0.37]))
    assert (point["shared_low"], point["shared_high"]) == pytest.approx(t_interval([0.4, 0.42, 0.44]))
    assert point["n_seeds"] == 3
    pieces = overlap_points(overlapping(), shared="shared_pieces")
    assert list(pieces["shared"]) == pytest.approx(list(points["shared"] / 2))


def test_one_encoder_of_all_seeds_has_its_overlap_once(overlapping: Make) -> None:
    frame = overlapping()
    points = overlap_points(frame[(frame["ablation"] != "overlap") | (frame["seed"] == 0)])
    assert points["shared_low"].isna().all()
    assert set(points["n_seeds"]) == {3}


def test_encoders_kept_on_the_way_are_left_out_beside_the_last(overlapping: Make) -> None:
    frame = overlapping()
    early = frame[frame["model"] == "joint"].assign(model="joint@50", step=50)
    early["run_id"] += "-early"
    both = pd.concat([frame, early.astype(frame.dtypes.to_dict())])
    assert set(overlap_points(both)["model"]) == set(overlap_points(frame)["model"])
    assert set(overlap_points(early)["model"]) == {"joint@50"}


def test_rho_is_over_models_for_each_target_or_over_all_points(overlapping: Make) -> None:
    points = overlap_points(overlapping())
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
