"""The figure of scores along training, and its place among the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.lines import Line2D

from layerlab.analysis.records.tidy import empty_records
from layerlab.errors import RecordsError
from layerlab.report.figures.figure import Material
from layerlab.report.figures.gallery import available, draw_all
from layerlab.report.figures.trajectory import TRAJECTORY, plot_trajectory
from tests.fixtures.trajectories import make_trajectories


def places_of(line: Line2D) -> list[float]:
    return [float(place) for place in np.asarray(line.get_xdata(), float)]


def test_a_panel_an_ablation_has_source_targets_and_the_chosen_epochs() -> None:
    frame = make_trajectories(("none", "late"), ("de", "fi"), every=5, changed="late")
    figure = plot_trajectory(frame)
    assert [axis.get_title() for axis in figure.axes] == ["none", "late"]
    for axis, ablation in zip(figure.axes, ("none", "late"), strict=True):
        part = frame[frame["ablation"] == ablation]
        lines = {str(line.get_label()): line for line in axis.get_lines()}
        means = part[part["target"].isin(["de", "fi"])].groupby("epoch")["value"].mean()
        drawn = lines["mean of 2 targets"]
        assert places_of(drawn) == list(means.index)
        assert np.asarray(drawn.get_ydata(), float) == pytest.approx([100 * value for value in means])
        marked = {places_of(line)[0] for line in axis.get_lines() if line.get_marker() == "^"}
        assert marked == set(part[part["chosen"]]["epoch"])
        assert {"en dev", "en test"} <= lines.keys()
    shaded = [len(axis.patches) for axis in figure.axes]
    assert shaded == [0, 1]


def test_bands_are_over_seeds_and_one_seed_has_none() -> None:
    several, one = (plot_trajectory(make_trajectories(seeds=seeds)) for seeds in ((0, 1, 2), (0,)))
    assert [len(axis.collections) for axis in several.axes] == [2, 2]
    assert [len(axis.collections) for axis in one.axes] == [0, 0]


def test_the_mean_of_weights_stands_at_the_end() -> None:
    (axis,) = plot_trajectory(make_trajectories(("none",), average=True)).axes
    stars = [line for line in axis.get_lines() if line.get_marker() == "*"]
    assert [places_of(line) for line in stars] == [[5.15], [5.15]]


def test_it_is_drawn_with_the_others_where_a_study_has_trajectories(tmp_path: Path) -> None:
    frame, records = make_trajectories(seeds=(0, 1)), empty_records()
    assert available(records, trajectories=frame) == {
        name: name == "trajectory" for name in available(records)
    }
    (path,) = draw_all(records, tmp_path, figures=["trajectory"], trajectories=frame)
    assert path.name == "trajectory-upos-en.pdf"
    (drawing,) = TRAJECTORY.find(Material(records, trajectories=frame))
    assert drawing.words == (
        "Accuracy on en and 3 zero-shot targets along fine-tuning; triangles mark the epochs that were "
        "chosen on source dev, which saw no target (with the number of seeds where they differ); n = 2 "
        "seeds, bands are 95% t intervals over seeds."
    )
    with pytest.raises(RecordsError, match="no data for the figure 'trajectory', which needs trajectories"):
        draw_all(records, tmp_path, figures=["trajectory"])


def test_the_test_score_of_several_source_languages_is_their_mean() -> None:
    frame = make_trajectories(("none",), ("de", "fi"), seeds=(0,)).assign(source="en+de")
    frame.loc[frame["split"] == "dev", "target"] = "en+de"
    (axis,) = plot_trajectory(frame).axes
    lines = {str(line.get_label()): line for line in axis.get_lines()}
    own = frame[frame["target"].isin(["en", "de"])].groupby("epoch")["value"].mean()
    drawn = np.asarray(lines["en+de test"].get_ydata(), float)
    assert drawn == pytest.approx([100 * value for value in own])
    assert {"en+de dev", "fi test"} <= lines.keys()


def test_several_settings_are_an_error() -> None:
    frame = make_trajectories(seeds=(0,))
    with pytest.raises(RecordsError, match="shows one setting"):
        plot_trajectory(pd.concat([frame, frame.assign(model="other")]))
