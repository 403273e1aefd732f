"""Jobs of a SLURM cluster: what they ask for, where they stand, what becomes of their units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.analysis.records.tidy import load_records
from layerlab.errors import StudyError
from layerlab.nodes.engines.engine import Ended
from layerlab.nodes.engines.on_slurm import engine as engines
from layerlab.nodes.engines.on_slurm import submission
from layerlab.nodes.engines.on_slurm.jobs import (
    UNKNOWN,
    Submission,
    end_jobs,
    find_jobs,
    folder_of,
    note_submission,
)
from layerlab.nodes.engines.on_slurm.make import Slurm
from layerlab.nodes.engines.options import choose_engine
from layerlab.nodes.engines.scheduler import note_crash, schedule, take_crash
from layerlab.nodes.engines.unit import make_units
from layerlab.nodes.jobs import write_node
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.runners import find_runners
from layerlab.nodes.store.store import Store
from layerlab.study.study import Study

KEY = ["run_id", "target", "metric"]


def test_every_mistake_in_a_file_is_named_with_what_there_is(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text("slurm:\n  partitoin: gpu\n  time: soon\n  cores: 0\n  setup: [module load cuda]\n")
    with pytest.raises(StudyError, match=r"3 problems") as caught:
        choose_engine(str(file))
    said = str(caught.value)
    assert "line 2: slurm.partitoin" in said
    assert "did you mean 'partition'" in said
    assert "line 3: slurm.time" in said
    assert "expected minutes, or a time such as 4:00:00 or 1-12:00:00; got 'soon'" in said
    assert "line 4: slurm.cores" in said
    with pytest.raises(StudyError, match="lead: expected less than the time of 60 s, got 120"):
        choose_engine("slurm", ["time=1"])


def test_the_file_of_the_guide_is_read(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "clusters.md").read_text(encoding="utf-8")
    text = guide.partition('```yaml title="slurm.yaml"\n')[2].partition("```")[0]
    (tmp_path / "slurm.yaml").write_text(text, encoding="utf-8")
    options = choose_engine(str(tmp_path / "slurm.yaml"))
    assert isinstance(options, Slurm)
    assert (options.minutes, options.memory, options.workers_for(1)) == (240, 32_000_000_000, 1)


def test_a_host_without_slurm_says_so(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StudyError, match="there is no sbatch, srun, squeue, scancel, scontrol"):
        study.plan(check=False).run(tmp_path / "r", engine="slurm", progress=False)


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands of SLURM that print the file ``queue`` and write down how they were called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("squeue", "scancel"):
        prints = f"cat {tmp_path}/queue" if name == "squeue" else "true"
        (folder / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/called\n{prints}\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    return tmp_path


def test_jobs_are_found_by_any_process_and_ended(queue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(queue / "r")
    note_submission(store, Submission("77", "layerlab-r", 3, "slurm"))
    note_submission(store, Submission("80", "layerlab-r", 1, "slurm"))
    (queue / "queue").write_text("77_0|RUNNING|node1\n77_2|PENDING|(Priority)\n99|RUNNING|node2\n")
    jobs = find_jobs(store)
    assert [(job.id, job.state, job.reason, job.runs) for job in jobs] == [
        ("77_0", "RUNNING", "node1", True),
        ("77_2", "PENDING", "Priority", False),
    ]
    end_jobs(jobs)
    assert (queue / "called").read_text().splitlines() == [
        "squeue --noheader --array --name layerlab-r --format %i|%T|%R",
        "scancel 77_0 77_2",
    ]
    monkeypatch.setenv("PATH", str(queue))
    assert {(job.id, job.state) for job in find_jobs(store)} == {("77", UNKNOWN), ("80", UNKNOWN)}


def test_units_whose_jobs_vanish_fail_with_what_these_printed(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one try; with retries they are submitted again."""
    submitted: list[int] = []

    def submit(options: Slurm, store: Store, settings: WorkSettings, n_jobs: int) -> None:
        submitted.append(n_jobs)
        folder_of(store).mkdir(exist_ok=True)
        (folder_of(store) / "77_0_0_log.out").write_text("module: command not found\n")

    monkeypatch.setattr(submission, "submit", submit)
    monkeypatch.setattr(engines, "LATE_SECONDS", 0.0)
    monkeypatch.setattr(engines, "LOOK_SECONDS", 0.0)
    plan = study.model_copy(update={"seeds": (0,)}).plan(check=False)
    store, settings = Store(tmp_path), WorkSettings()
    for item in plan.nodes:
        write_node(store, item)
    units = make_units(plan.nodes, lambda item: False)
    schedule(store, units, engines.SlurmEngine(store, settings, Slurm(jobs=2, cores=1)), retries=1)
    assert submitted == [2, 2, 1, 1]
    failure = store.read_failure(plan.fits[0].id)
    assert failure is not None
    log = folder_of(store) / "77_0_0_log.out"
    assert (
        failure["message"] == f"the worker died of the end of its job, see {log}: module: command not found"
    )


def test_a_crash_in_a_job_is_heard_once(study: Study, tmp_path: Path) -> None:
    """So that the runner decides whether it is tried again."""
    plan, store = study.model_copy(update={"seeds": (0,)}).plan(check=False), Store(tmp_path)
    for item in plan.nodes:
        write_node(store, item)
    unit = make_units(plan.nodes, lambda item: False)[0]
    assert take_crash(store, unit) == ("", "")
    note_crash(store, unit, Ended(0, "signal 9", "out of memory\n"))
    assert take_crash(store, unit) == ("signal 9", "out of memory\n")
    store.write_failure(unit.nodes[0], "x", ValueError("no"), "")
    assert take_crash(store, unit) == ("", "")
    assert store.read_failure(unit.nodes[0]) is not None


def test_a_study_goes_on_without_its_runner_and_gives_the_same_records(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes in the place of jobs: submitted, left alone, joined again."""
    pytest.importorskip("submitit")
    plan = study.model_copy(update={"seeds": (0,)}).plan(check=False)
    engine = Slurm(cluster="local", jobs=1, time=20)
    options: dict[str, Any] = {"device": "cpu", "progress": False}
    left = plan.run(tmp_path / "jobs", engine=engine, detach=True, **options)
    store = left.store
    assert left.left_to.startswith("jobs: 1 running (")
    again = plan.run(tmp_path / "jobs", engine=engine, detach=True, **options)
    assert again.left_to == left.left_to
    done = plan.run(tmp_path / "jobs", engine=engine, **options)
    assert done.good, done.status.failures
    assert len(list(folder_of(store).glob("*_submitted.pkl"))) == 1
    assert find_runners(store) == []
    plan.run(tmp_path / "here", workers=0, **options)
    frames = [load_records(tmp_path / name).sort_values(KEY, ignore_index=True) for name in ("jobs", "here")]
    pd.testing.assert_frame_equal(frames[0], frames[1])


def test_only_an_engine_whose_work_goes_on_is_left(study: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="detach: expected an engine whose work goes on alone"):
        study.plan(check=False).run(tmp_path, workers=0, detach=True, progress=False)
