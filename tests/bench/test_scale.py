"""The curve of large studies is measured on results that read like real ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from layerlab.analysis.records.tidy import load_records
from layerlab.bench.curve import draw_curve
from layerlab.bench.measurement import Measurement
from layerlab.bench.programs.invented import write_results
from layerlab.bench.settings import BenchSettings, program
from layerlab.bench.workloads import scale as large_studies
from layerlab.bench.workloads.scale import VERBS, points, scale
from layerlab.nodes.store.store import Store
from layerlab.study.directory.standing import read_standing


def test_invented_results_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program that invents them is called here, not in a process."""

    def call(command: Sequence[str]) -> None:
        assert command[:3] == program("invented")
        write_results(*map(Path, command[3:]))

    monkeypatch.setattr(large_studies, "call", call)
    workload = scale(BenchSettings(tmp_path / "bench", scale="small"))
    workload.prepare()
    results = tmp_path / "bench" / "work" / "scale" / "40"
    assert read_standing(Store(results), anew=True).complete
    frame = load_records(results)
    assert frame.attrs["planned"] == frame.attrs["complete"] >= 40
    assert frame.groupby(["ablation", "target"])["value"].std().mean() == pytest.approx(0.01, rel=0.5)
    assert [one.name for one in workload.contenders] == [
        point.name for point in points(BenchSettings(tmp_path, scale="small"))
    ]


def test_the_curve_has_a_line_for_each_verb(tmp_path: Path) -> None:
    settings = BenchSettings(tmp_path, scale="small")
    found = [
        Measurement(
            workload="scale", contender=point.name, repeat=1, good=True, wall_seconds=1.0,
            cpu_seconds=point.runs / 10, largest_bytes=10**8, started="",
        )
        for point in points(settings)
    ]  # fmt: skip
    figure = draw_curve(points(settings), found)
    assert figure is not None
    left, right = figure.axes
    assert [line.get_label() for line in left.lines] == list(VERBS.values())
    assert np.asarray(left.lines[0].get_xdata()).tolist() == [40, 80]
    assert np.asarray(left.lines[0].get_ydata()).tolist() == [4.0, 8.0]
    assert np.asarray(right.lines[0].get_ydata()).tolist() == [100.0, 100.0]
    assert draw_curve(points(settings), found[:1]) is None
