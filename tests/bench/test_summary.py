from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.bench.figure import draw_ratios
from layerlab.bench.measurement import frame_of
from layerlab.bench.settings import BenchSettings
from layerlab.bench.summary import Spread, ratio, unlike, verdicts
from layerlab.bench.table import write_report
from layerlab.bench.workload import Contender, Goal, Workload
from tests.bench.stubs import made

MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "flags": ["avx2"],
    "memory_bytes": 8 * 10**9,
    "python": "3.11",
    "versions": {"torch": "2.6", "datasets": None},
}


def workload(*goals: Goal) -> Workload:
    contenders = tuple(Contender(name, lambda folder: []) for name in ("trainer", "layerlab"))
    return Workload("stub", "nothing", "no size", contenders, goals)


MEASURED = [
    made(name, repeat, wall)
    for name, walls in (("trainer", (40.0, 60.0, 50.0)), ("layerlab", (20.0, 10.0, 25.0)))
    for repeat, wall in enumerate(walls, 1)
]


def test_ratios_are_taken_repeat_by_repeat() -> None:
    assert ratio(MEASURED, "stub", "wall", "layerlab", "trainer") == Spread(2.0, 2.0, 6.0, 3)


def test_a_repeat_that_one_of_both_lacks_gives_no_ratio() -> None:
    assert ratio(MEASURED[2:], "stub", "wall", "layerlab", "trainer") == Spread(2.0, 2.0, 2.0, 1)
    assert ratio(MEASURED[:3], "stub", "wall", "layerlab", "trainer") is None


def test_a_failed_measurement_counts_nowhere() -> None:
    broken = made("layerlab", 1, 0.1, good=False, message="killed")
    assert ratio([*MEASURED[:3], broken], "stub", "wall", "layerlab", "trainer") is None


@pytest.mark.parametrize(
    ("goal", "reached"),
    [
        (Goal("wall", "trainer", 2.0), True),
        (Goal("wall", "trainer", 2.1), False),
        (Goal("cpu", "trainer", 2.0), True),
        (Goal("wall", None, 20.0), True),
        (Goal("wall", None, 19.9), False),
        (Goal("memory", "trainer", 1.0), True),
        (Goal("memory", "trainer", 0.6), False),
        (Goal("share", None, 0.5), False),
    ],
)
def test_a_goal_is_reached_by_the_median(goal: Goal, reached: bool) -> None:
    (verdict,) = verdicts(workload(goal), MEASURED)
    assert verdict.reached is reached


def test_the_share_of_the_limit_is_needed_time_over_wall_time() -> None:
    one = made("layerlab", 1, 10.0, needed_flops=3e10, rate_flops=1e10)
    assert one.share == pytest.approx(0.3)
    assert made("layerlab", 1, 10.0).share is None


def test_contenders_that_did_other_work_are_named() -> None:
    one, other = made("trainer", 1, 1.0, steps=4, score=0.5), made("layerlab", 1, 1.0, steps=5, score=0.6)
    assert unlike(workload(), [one, other]) == [
        "other numbers of steps: trainer 4, layerlab 5",
        "mean scores from 50.0 to 60.0",
    ]
    assert unlike(workload(), [one, one.model_copy(update={"contender": "layerlab"})]) == []


def test_the_report_has_a_row_for_each_contender_and_goal() -> None:
    text = write_report([workload(Goal("wall", "trainer", 3.5))], MEASURED, MACHINE)
    assert "| trainer   | 50.0 (40.0 to 60.0) |" in text
    assert "wall time: at least 3.5 x as fast as trainer | 2.00 x (2.00 to 6.00) | missed" in text
    assert "a processor, 2 cores (avx2), 8 GB." in text


def test_the_report_says_what_failed() -> None:
    text = write_report([workload()], [made("layerlab", 1, 1.0, good=False, message="status 1: no")], MACHINE)
    assert "- failed: layerlab, repeat 1: status 1: no" in text
    assert "not measured" in text


def test_the_frame_has_one_row_a_measurement() -> None:
    frame = frame_of(MEASURED)
    assert len(frame) == 6
    assert {"workload", "contender", "repeat", "wall_seconds", "cpu_seconds", "share"} <= set(frame.columns)


def test_the_figure_shows_ratios_and_goals_and_is_not_drawn_without_any(tmp_path: Path) -> None:
    figure = draw_ratios([workload(Goal("wall", "trainer", 3.5))], MEASURED)
    assert figure is not None
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["stub: trainer"]
    assert set(axis.get_legend_handles_labels()[1]) == {
        "wall time",
        "CPU time",
        "goal, wall time",
    }
    assert draw_ratios([workload()], MEASURED[:3]) is None


def test_settings_that_change_a_number_are_the_identity(tmp_path: Path) -> None:
    one = BenchSettings(tmp_path)
    assert one.identity() == BenchSettings(tmp_path / "elsewhere", repeats=5).identity()
    assert one.identity() != BenchSettings(tmp_path, scale="small").identity()
