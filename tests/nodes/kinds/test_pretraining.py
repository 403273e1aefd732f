"""Pretrainings as nodes of a study: named by content, made once, before the fits that need them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from layerlab.analysis.records.nodes import load_nodes
from layerlab.errors import StudyError
from layerlab.models.checkpoints import digest_folder
from layerlab.nodes.kinds.pretraining import Pretraining
from layerlab.nodes.store.store import Store
from layerlab.pretraining.identity import identity_of_pretraining
from layerlab.pretraining.spec import PretrainingSpec, read_spec
from layerlab.study.reading import build_study
from layerlab.study.study import Study
from tests.fixtures.pretrainings import write_spec


def make_study(treebanks: Path, spec_file: Path, **changes: Any) -> Study:
    fields: dict[str, Any] = {
        "name": "small",
        "models": [{"pretraining": str(spec_file)}],
        "tasks": ["upos"],
        "data": {"root": str(treebanks)},
        "sources": ["aa"],
        "targets": ["bb"],
        "ablations": ["none", {"before": [{"reset": {"layers": "0", "to": "random"}}]}],
        "training": {"epochs": 1, "batch_size": 16},
    }
    return build_study(Study, {**fields, **changes})


def read(path: Path, **changes: Any) -> PretrainingSpec:
    return read_spec(write_spec(path, **changes))


def test_what_determines_the_encoder_is_its_identity_and_nothing_else(spec_file: Path) -> None:
    own = Pretraining.of(read_spec(spec_file)).id
    folder = spec_file.parent
    same: list[dict[str, Any]] = [{"name": "other"}, {"evaluate_every": 3}, {"steps": 6}]
    for change in same:
        assert Pretraining.of(read(folder / "same.yaml", **change)).id == own
    other: list[dict[str, Any]] = [{"seed": 1}, {"precision": "bf16"}]
    for change in [*other, {"corpora": {"xb": "xb.txt", "xa": "xa.txt"}}]:
        assert Pretraining.of(read(folder / "other.yaml", **change)).id != own
    (folder / "xa.txt").rename(folder / "moved.txt")
    moved = {"xa": "moved.txt", "xb": "xb.txt"}
    assert Pretraining.of(read(folder / "moved.yaml", corpora=moved)).id == own
    with (folder / "moved.txt").open("a", encoding="utf-8") as file:
        file.write("tasin lomir\n")
    assert Pretraining.of(read(folder / "moved.yaml", corpora=moved)).id != own


def test_a_grown_encoder_is_known_by_its_parents_weights(spec_file: Path, tiny_encoder: Path) -> None:
    spec = read_spec(spec_file)
    grown = spec.model_copy(update={"grown_from": tiny_encoder})
    assert identity_of_pretraining(grown)["grown_from"] == digest_folder(tiny_encoder)
    assert Pretraining.of(grown).id != Pretraining.of(spec).id


def test_a_job_survives_json(spec_file: Path) -> None:
    job = Pretraining.of(read_spec(spec_file))
    assert Pretraining.from_json(json.loads(json.dumps(job.to_json()))) == job


def test_a_study_pretrains_its_model_once_and_fine_tunes_it(
    treebanks: Path, spec_file: Path, tmp_path: Path
) -> None:
    plan = make_study(treebanks, spec_file, seeds=[0, 1]).plan()
    assert "first      pretraining tiny, 6 steps" in plan.describe()
    outcome = plan.run(tmp_path / "results", workers=0, device="cpu")
    assert outcome.status.failures == ()
    assert outcome.good
    assert outcome.status.summary() == "4/4 runs, 4/4 fits, 1/1 pretrainings complete"
    (job,) = plan.of(Pretraining)
    folder = Store(tmp_path / "results").folder("pretraining", job.id)
    facts = json.loads((folder / "model/training.json").read_text(encoding="utf-8"))
    assert facts["steps_done"] == 6
    assert not (folder / "model/state").exists()
    nodes = load_nodes(tmp_path / "results")
    assert nodes["kind"].value_counts().to_dict() == {"fit": 4, "run": 4, "pretraining": 1}
    again = make_study(treebanks, spec_file, seeds=[0, 1]).plan().run(tmp_path / "results", workers=0)
    assert again.n_new == 0
    records = (tmp_path / "results/records.csv").read_text(encoding="utf-8")
    assert ",tiny," in records


def test_a_rewind_goes_back_to_the_pretrained_weights(
    treebanks: Path, spec_file: Path, tmp_path: Path
) -> None:
    ablations = ["none", {"name": "rewind", "after": [{"reset": {"layers": "0", "to": "pretrained"}}]}]
    outcome = (
        make_study(treebanks, spec_file, ablations=ablations)
        .plan()
        .run(tmp_path / "results", workers=0, device="cpu", progress=False)
    )
    assert outcome.status.failures == ()
    assert outcome.good


@pytest.mark.slow
def test_a_study_killed_in_its_pretraining_goes_on_from_the_checkpoint(
    treebanks: Path, spec_file: Path, tmp_path: Path
) -> None:
    write_spec(spec_file, steps=400)
    study = make_study(treebanks, spec_file, ablations=["none"])
    (tmp_path / "study.yaml").write_text(study.to_yaml(), encoding="utf-8")
    results = tmp_path / "results"
    verb = ["run", str(tmp_path / "study.yaml"), "--results", str(results), "--workers", "0"]
    more = ["--device", "cpu", "--checkpoint-seconds", "0", "--no-report"]
    process = subprocess.Popen(
        [sys.executable, "-m", "layerlab", *verb, *more], stderr=subprocess.DEVNULL, start_new_session=True
    )
    (job,) = study.plan().of(Pretraining)
    file = results / "work" / job.id / "state/checkpoint.safetensors"
    until = time.monotonic() + 240
    while not file.is_file() and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert file.is_file()
    # The rest is done by another process, which takes over the dead one's lease.
    outcome = study.plan().run(results, workers=0, device="cpu", progress=False)
    assert outcome.good
    events = (results / "events" / f"{job.id}.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(events[-2])["from"] > 0


def test_a_text_that_changed_since_the_plan_is_refused(
    treebanks: Path, spec_file: Path, tmp_path: Path
) -> None:
    plan = make_study(treebanks, spec_file).plan()
    with (spec_file.parent / "xa.txt").open("a", encoding="utf-8") as file:
        file.write("tasin lomir\n")
    outcome = plan.run(tmp_path / "results", workers=0, progress=False)
    assert [failure["title"] for failure in outcome.status.failures] == ["pretraining tiny"]
    assert "has changed since the plan was made" in outcome.status.failures[0]["message"]
    assert len(outcome.status.blocked) == 4


def test_mistakes_of_a_spec_are_mistakes_of_the_study(treebanks: Path, spec_file: Path) -> None:
    write_spec(spec_file, corpora={"xa": "xz.txt"})
    with pytest.raises(StudyError, match=r"models\[0\]: corpora: xa: no such file .*unknown file 'xz.txt'"):
        make_study(treebanks, spec_file).plan()


def test_a_study_without_pretrainings_keeps_its_ids(treebanks: Path, tiny_encoder: Path) -> None:
    plan = make_study(treebanks, spec_file=tiny_encoder, models=[str(tiny_encoder)]).plan()
    assert plan.of(Pretraining) == ()
    assert all("pretraining" not in fit.to_json() for fit in plan.fits)
