"""Trajectories as one tidy frame, and the distance of the chosen epoch from each target's best one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.analysis.effects.sensitivity import MEAN, t_interval
from layerlab.analysis.records.trajectories import (
    TRAJECTORY_COLUMNS,
    find_trajectories,
    load_trajectories,
    write_trajectories,
)
from layerlab.analysis.transfer.oracle import oracle_distances
from layerlab.errors import RecordsError
from tests.fixtures.trajectories import make_trajectories


def test_what_is_written_is_read_back_bit_for_bit(tmp_path: Path) -> None:
    frame = make_trajectories(targets=["de", "nan"], every=5)
    read = [
        load_trajectories(write_trajectories(frame, tmp_path / f"trajectories.{s}"))
        for s in ("csv", "parquet")
    ]
    pd.testing.assert_frame_equal(read[0], read[1])
    assert list(read[0].columns) == list(TRAJECTORY_COLUMNS)
    assert set(read[0]["target"]) == {"en", "de", "nan"}
    assert sorted(read[0]["value"]) == sorted(frame["value"])
    (tmp_path / "records.csv").write_text("")
    pd.testing.assert_frame_equal(load_trajectories(tmp_path / "records.csv"), read[0])


def test_a_seed_of_64_bits_is_read_exactly(tmp_path: Path) -> None:
    seed = 2**62 + 1
    for suffix in ("csv", "parquet"):
        path = write_trajectories(make_trajectories(seeds=[seed]), tmp_path / f"trajectories.{suffix}")
        assert set(load_trajectories(path)["seed"]) == {seed}


def test_what_is_not_there_or_is_none_is_an_error_in_words(tmp_path: Path) -> None:
    assert find_trajectories(tmp_path) is None
    with pytest.raises(
        RecordsError, match=r"has no trajectories; a study records them with `trajectory: epochs`"
    ):
        load_trajectories(tmp_path)
    frame = make_trajectories()
    with pytest.raises(RecordsError, match="lack the columns step"):
        write_trajectories(frame.drop(columns="step"), tmp_path / "trajectories.csv")
    with pytest.raises(RecordsError, match=r"expected the suffix .csv or .parquet"):
        write_trajectories(frame, tmp_path / "trajectories.txt")
    with pytest.raises(RecordsError, match="two different rows for step 10"):
        write_trajectories(pd.concat([frame, frame.assign(value=0.5)]), tmp_path / "trajectories.csv")
    (tmp_path / "trajectories.csv").write_text(
        frame.astype({"step": object}).replace({"step": {10: "x"}}).to_csv()
    )
    with pytest.raises(RecordsError, match="column step holds 'x', expected a number"):
        load_trajectories(tmp_path)


def distances_of(frame: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the rows of distances by target and split."""
    rows = [
        {str(name): value for name, value in row.items()}
        for row in oracle_distances(frame).to_dict("records")
    ]
    return {(row["target"], row["split"]): row for row in rows}


def test_the_distance_is_that_of_the_best_epoch_for_each_target() -> None:
    frame = make_trajectories(("none",), ("de", "fi"), seeds=(0, 1, 2), every=5)
    found = distances_of(frame)
    ends = frame[frame["place"] == "epoch"]
    for target in ("en", "de", "fi"):
        part = ends[(ends["target"] == target) & (ends["split"] == "test")]
        best = part.groupby("seed")["value"].max()
        kept = part[part["chosen"]].set_index("seed")["value"]
        row = found[target, "test"]
        assert row["distance"] == pytest.approx((best - kept).mean())
        assert (row["low"], row["high"]) == pytest.approx(t_interval(list(best - kept)))
        assert (row["chosen_low"], row["chosen_high"]) == pytest.approx(t_interval(list(kept)))
        assert (row["oracle_low"], row["oracle_high"]) == pytest.approx(t_interval(list(best)))
        assert (row["n_seeds"], row["n_epochs"]) == (3, 5)
    assert found["en", "dev"]["distance"] == 0
    mean = (found["de", "test"]["distance"] + found["fi", "test"]["distance"]) / 2
    assert found[MEAN, "test"]["distance"] == pytest.approx(mean)
    assert found[MEAN, "test"]["n_targets"] == 2


def test_epochs_from_before_a_change_of_the_model_do_not_compete() -> None:
    frame = make_trajectories(("late",), seeds=(0,), changed="late")
    frame.loc[~frame["competes"], "value"] = 1.0
    found = oracle_distances(frame)
    assert (found["oracle"] < 1).all()
    assert set(found["n_epochs"]) == {3}


def test_the_mean_of_weights_stands_for_the_chosen_epoch() -> None:
    frame = make_trajectories(("none",), ("de",), seeds=(0, 1), average=True)
    frame.loc[(frame["place"] == "average") & (frame["target"] == "de"), "value"] = 0.99
    row = distances_of(frame)["de", "test"]
    assert row["chosen"] == pytest.approx(0.99)
    assert row["distance"] < 0


def test_a_source_of_several_languages_has_a_test_set_of_each() -> None:
    frame = make_trajectories(("none",), ("de", "fi"), seeds=(0, 1)).assign(source="en+de")
    frame.loc[frame["split"] == "dev", "target"] = "en+de"
    found = oracle_distances(frame)
    assert list(zip(found["target"], found["split"], strict=True)) == [
        ("en+de", "dev"),
        ("en", "test"),
        ("de", "test"),
        ("fi", "test"),
        (MEAN, "test"),
    ]
    assert found.iloc[-1]["n_targets"] == 1


def test_a_metric_that_there_is_not_is_an_error() -> None:
    with pytest.raises(RecordsError, match="unknown metric 'las'"):
        oracle_distances(make_trajectories(seeds=(0,)), "las")
