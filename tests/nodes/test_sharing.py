from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import Freeze, Reset, Unfreeze
from layerlab.errors import StudyError
from layerlab.nodes import launching
from layerlab.nodes.jobs import write_node
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.nodes.worker import run_nodes
from layerlab.study.study import Study


@pytest.mark.slow
def test_two_processes_that_share_a_fit_give_the_numbers_of_one(study: Study, tmp_path: Path) -> None:
    """Also when a schedule freezes and unfreezes layers in the middle."""
    training = study.training_for("upos").model_copy(update={"accumulate": 2})
    schedule = Ablation(
        name="gradual", before=(Freeze("embeddings,0-1"), Reset("2")), during=(Timed(0.5, Unfreeze("1")),)
    )
    changes = {"seeds": (0,), "ablations": (Ablation.none(), schedule), "training": training}
    path = tmp_path / "study.yaml"
    path.write_text(study.model_copy(update=changes).to_yaml(), encoding="utf-8")
    verb = ["-m", "layerlab", "run", str(path), "--workers", "0", "--device", "cpu", "--no-report"]
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2"]
    environment = dict(os.environ, OMP_NUM_THREADS="1", ACCELERATE_USE_CPU="true")
    frames = []
    for name, before in (("one", []), ("two", launch)):
        command = [sys.executable, *before, *verb, "--results", str(tmp_path / name)]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        frame = pd.read_csv(tmp_path / name / "records.csv")
        frames.append(frame.sort_values(["run_id", "target", "metric"]))
        losses = [fit["node"]["history"] for fit in read_fits(tmp_path / name)]
        frames[-1].attrs["losses"] = [[epoch["loss"] for epoch in history] for history in losses]
    assert frames[0]["run_id"].tolist() == frames[1]["run_id"].tolist()
    for one, two in zip(frames[0].attrs["losses"], frames[1].attrs["losses"], strict=True):
        assert two == pytest.approx(one, rel=1e-4)
    assert frames[1]["value"].to_numpy() == pytest.approx(frames[0]["value"].to_numpy(), abs=0.03)


@pytest.mark.slow
def test_a_unit_of_several_processes_gives_the_numbers_of_one(study: Study, tmp_path: Path) -> None:
    """On the embedded engines: the worker of a unit starts them."""
    plan = study.model_copy(update={"seeds": (0,), "ablations": study.ablations[:1]}).plan(check=False)
    frames, losses = [], []
    for name, workers, processes in (("one", 0, 1), ("inline", 0, 2), ("local", 1, 2)):
        options = {"workers": workers, "processes": processes, "device": "cpu", "progress": False}
        outcome = plan.run(tmp_path / name, **options)
        assert outcome.good, outcome.status.failures
        frame = pd.read_csv(tmp_path / name / "records.csv")
        frames.append(frame.sort_values(["run_id", "target", "metric"]))
        losses.append(
            [epoch["loss"] for fit in read_fits(tmp_path / name) for epoch in fit["node"]["history"]]
        )
    for frame, loss in zip(frames[1:], losses[1:], strict=True):
        assert frame["run_id"].tolist() == frames[0]["run_id"].tolist()
        assert loss == pytest.approx(losses[0], rel=1e-4)
        assert frame["value"].to_numpy() == pytest.approx(frames[0]["value"].to_numpy(), abs=0.03)


def test_processes_that_share_a_fit_and_die_are_a_failure_of_the_fit(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, store = study.plan(check=False), Store(tmp_path)
    fit = plan.fits[0]
    write_node(store, fit)
    monkeypatch.setattr(launching, "_command", lambda *_: [sys.executable, "-c", "raise SystemExit(7)"])
    assert not run_nodes(tmp_path, [fit.id], WorkSettings(processes=2))
    failure = store.read_failure(fit.id)
    assert failure is not None
    assert failure["message"] == "one of 2 processes that share the fit died (exit status 7)"


def test_a_number_of_processes_makes_sense(study: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="expected a number of processes above 0, got 0"):
        study.plan(check=False).run(tmp_path, processes=0)


def read_fits(results: Path) -> list[dict[str, dict[str, list[dict[str, float]]]]]:
    import json

    return [json.loads(path.read_text()) for path in sorted(results.glob("fits/*/record.json"))]
