from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from layerlab.nodes.store.events import reporter
from layerlab.nodes.store.lease import claim
from layerlab.nodes.store.store import Store
from layerlab.study.directory.parts import prepare_store
from layerlab.study.directory.status import Activity, Count, Status, read_status
from layerlab.study.progress import Progress, seconds_left
from layerlab.study.study import Study, StudyPlan


@pytest.fixture
def plan(study: Study) -> StudyPlan:
    """The plan of the small study."""
    return study.plan(check=False)


def make_status(fits: int, runs: int, *active: Activity) -> Status:
    return Status({"fit": Count(fits, 4), "run": Count(runs, 8)}, active=active)


def test_the_rest_takes_as_long_as_the_pace_so_far_says() -> None:
    first = make_status(0, 0)
    assert seconds_left(first, make_status(1, 2), "fit", 60.0) == "about 3:00 left"
    half = make_status(0, 0, Activity("fit x", "fit", 50, 100))
    assert seconds_left(first, half, "fit", 60.0) == "about 7:00 left"
    assert seconds_left(first, first, "fit", 60.0) == ""
    assert seconds_left(first, make_status(4, 8), None, 60.0) == ""


def test_steps_of_an_earlier_process_do_not_count_as_this_ones_pace() -> None:
    resumed = make_status(0, 0, Activity("fit x", "fit", 75, 100, resumed_at=50))
    assert seconds_left(make_status(0, 0), resumed, "fit", 60.0) == "about 13:00 left"


def test_of_many_runs_that_are_taken_up_at_once_a_line_names_few_and_fits_first(
    plan: StudyPlan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "results")
    prepare_store(plan, store)
    fit = plan.fits[0]
    with ExitStack() as held:
        for name in (fit.id, *(run.id for run in plan.runs)):
            held.enter_context(claim(store.lease(name)))
        reporter(store.events(fit.id))({"event": "step", "step": 3, "steps": 10})
        with Progress(plan, store):
            pass
    line, _ = capsys.readouterr().err.splitlines()
    assert f"; {fit.title}  step 3/10; run " in line
    assert f"; and {len(plan.runs) - 3} more; " in line


def test_without_a_terminal_progress_is_plain_timed_lines(
    plan: StudyPlan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path)
    prepare_store(plan, store)
    with Progress(plan, store) as display:
        display.tick()
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["[0:00] 0/8 runs, 0/6 fits complete; nothing running"] * 2
    with Progress(plan, store, enabled=False) as display:
        display.tick()
    assert capsys.readouterr().err == ""


def test_a_failed_fit_blocks_its_runs_and_no_others(plan: StudyPlan, tmp_path: Path) -> None:
    store = Store(tmp_path)
    prepare_store(plan, store)
    fit = plan.fits[0]
    store.write_failure(fit.id, fit.title, ValueError("no"), "")
    status = read_status(plan, store)
    assert [failure["id"] for failure in status.failures] == [fit.id]
    assert len(status.blocked) == sum(run.fit == fit.id for run in plan.runs)
    assert status.summary() == "0/8 runs, 0/6 fits complete, 1 failed, 2 blocked"
