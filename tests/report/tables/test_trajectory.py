"""The table of the chosen epoch and the best one by target."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.effects.scales import SCALES
from layerlab.analysis.significance.effects import significance
from layerlab.analysis.transfer.oracle import oracle_distances
from layerlab.errors import RecordsError
from layerlab.report.tables.formats.text import render_distances
from layerlab.report.tables.study_tables import TRAJECTORY, lay_out_tables, write_tables
from layerlab.report.tables.trajectory import trajectory_table
from tests.fixtures.records import make_records
from tests.fixtures.trajectories import make_trajectories


def test_each_ablation_has_the_chosen_epoch_the_best_one_and_their_distance() -> None:
    frame = make_trajectories(("none", "reset"), ("de", "en:GUM"))
    (section,) = trajectory_table(frame).sections
    assert section.columns == ("dev", "en", "de", "en:GUM", "X")
    assert [row.names for row in section.rows[:4]] == [
        ("none", "chosen"),
        ("", "best"),
        ("", "distance"),
        ("reset", "chosen"),
    ]
    found = oracle_distances(frame)
    row = found[(found["ablation"] == "reset") & (found["target"] == "de")].iloc[0]
    cells = [section.rows[index].cells[2] for index in (3, 4, 5)]
    assert [cell.value for cell in cells] == pytest.approx(
        [100 * row[name] for name in ("chosen", "oracle", "distance")]
    )
    ends = [
        row["chosen_high"] - row["chosen"],
        row["oracle_high"] - row["oracle"],
        row["high"] - row["distance"],
    ]
    assert [cell.half for cell in cells] == pytest.approx([100 * end for end in ends])
    assert "X = de, each with its own best epoch." in section.note
    assert "en:GUM" not in section.note


def test_one_seed_has_no_interval() -> None:
    (section,) = trajectory_table(make_trajectories(seeds=(0,))).sections
    assert all(cell.half is None for row in section.rows for cell in row.cells)
    assert "interval" not in section.note


def test_it_is_printed_in_every_form() -> None:
    frame = make_trajectories(seeds=(0, 1))
    assert "| none       | chosen" in render_distances(frame)
    assert "begin{tabular}" in render_distances(frame, "latex")
    assert render_distances(frame, "csv").startswith("study,model,task,metric,source,ablation,")
    with pytest.raises(RecordsError, match="unknown table format"):
        render_distances(frame, "word")


def test_a_report_has_it_with_the_numbers_behind_it(tmp_path: Path) -> None:
    frame, trajectories = make_records(), make_trajectories()
    effects = {scale: significance(frame, incomplete="drop", scale=scale) for scale in SCALES}
    assert TRAJECTORY not in lay_out_tables(frame, effects)
    tables = lay_out_tables(frame, effects, trajectories)
    assert list(tables)[-1] == TRAJECTORY
    paths = write_tables(frame, effects, tables, tmp_path, trajectories)
    assert {path.name for path in paths} >= {"trajectory.md", "trajectory.tex", "trajectory.csv"}
    assert len(pd.read_csv(tmp_path / "trajectory.csv")) == len(oracle_distances(trajectories))
