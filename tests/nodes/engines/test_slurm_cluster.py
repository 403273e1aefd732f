"""A study on a real SLURM cluster of one host: equal records, time limits, ends from outside."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.analysis.records.tidy import load_records
from layerlab.nodes.engines.on_slurm.jobs import find_jobs
from layerlab.nodes.engines.on_slurm.make import Slurm
from layerlab.nodes.store.lease import is_held
from layerlab.nodes.store.runners import find_runners
from layerlab.nodes.store.store import Store
from layerlab.study.cancelling import cancel
from layerlab.study.study import Study, StudyPlan
from tests.nodes.test_joining import wait_for

KEY = ["run_id", "target", "metric"]
HERE: dict[str, Any] = {"device": "cpu", "progress": False}
pytestmark = pytest.mark.slow


def make_plan(study: Study, epochs: int, n_ablations: int = 1) -> StudyPlan:
    """Return a plan of one seed; its last fit takes so many epochs."""
    training = study.training_for("upos").model_copy(update={"epochs": epochs})
    changes = {"seeds": (0,), "ablations": study.ablations[:n_ablations], "training": training}
    return study.model_copy(update=changes).plan(check=False)


def place_of(store: Store, fit_id: str) -> tuple[int, int]:
    """Return the step at which a fit was taken up, and the step that it is at."""
    if not store.events(fit_id).exists():
        return 0, 0
    events = map(json.loads, store.events(fit_id).read_text(encoding="utf-8").splitlines())
    steps = [(event["from"], event["step"]) for event in events if "from" in event]
    return steps[-1] if steps else (0, 0)


def test_engines_give_the_same_records(study: Study, tmp_path: Path, slurm: Path) -> None:
    """Two jobs at a time, one after the other where there is room for one."""
    pytest.importorskip("submitit")
    plan = study.model_copy(update={"seeds": (0,)}).plan(check=False)
    asked = {"jobs": 3, "at_once": 2, "time": 30, "memory": "1GB", "setup": ["export OMP_NUM_THREADS=1"]}
    jobs = Slurm.model_validate(asked)
    engines: dict[str, Any] = {"inline": "inline", "local": "local", "slurm": jobs}
    frames = []
    for name, engine in engines.items():
        outcome = plan.run(tmp_path / name, engine=engine, workers=None if name == "slurm" else 1, **HERE)
        assert outcome.good, outcome.status.failures
        frames.append(load_records(tmp_path / name).sort_values(KEY, ignore_index=True))
    pd.testing.assert_frame_equal(frames[0], frames[1])
    pd.testing.assert_frame_equal(frames[0], frames[2])
    assert len(list((tmp_path / "slurm" / "slurm").glob("*_submitted.pkl"))) == 3


def test_a_job_at_its_time_limit_goes_back_to_the_queue_and_on_from_its_checkpoint(
    study: Study, tmp_path: Path, slurm: Path
) -> None:
    """Nobody waits for it meanwhile; `layerlab cancel` ends it."""
    plan, store = make_plan(study, 100_000), Store(tmp_path)
    (fit,) = plan.fits
    engine = Slurm(jobs=1, time=3, lead=45)
    left = plan.run(tmp_path, engine=engine, detach=True, checkpoint_seconds=3600.0, **HERE)
    assert left.left_to.startswith("jobs: 1 ")
    (job,) = find_jobs(store)
    wait_for(lambda: place_of(store, fit.id)[0] > 0, 900)
    assert [one.id for one in find_jobs(store)] == [job.id]
    ending = cancel(store)
    assert ending.left == ()
    assert ending.stopped[-1] == f"jobs: 1 running ({job.id})"
    assert ending.resumable == (f"{fit.title}: goes on at its checkpoint",)
    assert (find_jobs(store), find_runners(store)) == ([], [])
    log = (tmp_path / "slurm" / f"{job.id}_0_log.out").read_text(encoding="utf-8")
    assert f"Requeued job {job.id}" in log


def test_a_job_that_is_cancelled_loses_nothing(study: Study, tmp_path: Path, slurm: Path) -> None:
    """By scancel in the middle of a fit: what is complete is not done again, the fit goes on."""
    first, plan, store = make_plan(study, 200), make_plan(study, 200, 2), Store(tmp_path)
    assert first.run(tmp_path, workers=1, **HERE).good
    records = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*/record.json")}
    fits = [fit for fit in plan.fits if not store.is_done("fit", fit.id)]
    engine = Slurm(jobs=1, time=30)
    plan.run(tmp_path, engine=engine, detach=True, checkpoint_seconds=3600.0, **HERE)
    (job,) = find_jobs(store)
    wait_for(lambda: place_of(store, fits[0].id)[1] > 0, 400)
    subprocess.run(["scancel", job.id], check=True)
    wait_for(lambda: find_jobs(store) == [], 90)
    assert not is_held(store.lease(fits[0].id))
    assert any(store.work(fits[0].id).iterdir())
    done = plan.run(tmp_path, engine=engine, **HERE)
    assert done.good, done.status.failures
    assert place_of(store, fits[0].id)[0] > 0
    assert {path: path.stat().st_mtime_ns for path in records} == records
