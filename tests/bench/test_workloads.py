"""Every workload at every scale: what it would run, and what it is made from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

import layerlab
from layerlab.analysis.records.nodes import load_nodes
from layerlab.analysis.records.tidy import load_records
from layerlab.bench.programs import flops, profile, synthetic
from layerlab.bench.settings import SCALES, BenchSettings, Scale
from layerlab.bench.workloads.all import WORKLOADS
from layerlab.bench.workloads.sweeps import small_encoder
from layerlab.data.spec import DataSpec
from layerlab.nodes.store.store import Store
from layerlab.study.directory.status import read_status
from layerlab.study.study import Study
from tests.fixtures.studies import make_study


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_says_what_it_runs_before_anything_is_made(
    name: str, scale: Scale, tmp_path: Path
) -> None:
    workload = WORKLOADS[name](BenchSettings(tmp_path / "bench", scale=scale))
    assert workload.name == name
    names = [contender.name for contender in workload.contenders]
    assert len(set(names)) == len(names)
    for contender in workload.contenders:
        assert all(isinstance(word, str) for word in contender.command(tmp_path / "running"))
    for goal in workload.goals:
        assert goal.of in names
        assert goal.against is None or goal.against in names
    assert not (tmp_path / "bench").exists()


def test_workers_are_passed_on(tmp_path: Path) -> None:
    workload = small_encoder(BenchSettings(tmp_path, workers=1))
    command = next(one for one in workload.contenders if one.name == "layerlab").command(tmp_path)
    assert command[-2:] == ["--workers", "1"]


def test_both_sides_of_a_sweep_are_given_the_same_work(tmp_path: Path) -> None:
    from layerlab.files import read_json

    workload = small_encoder(BenchSettings(tmp_path / "bench", scale="small"))
    workload.prepare()
    workload.contenders[0].prepare(tmp_path)
    job, study = read_json(tmp_path / "job.json"), Study.from_yaml(tmp_path / "bench/work/a/study.yaml")
    assert isinstance(study.data, DataSpec)
    assert job["data"] == str(study.data.root)
    assert job["targets"] == list(study.targets)
    assert job["seeds"] == list(study.seeds)
    assert len(job["ablations"]) == len(study.ablations)
    training = study.training_for("upos")
    assert (job["epochs"], job["batch_size"], job["learning_rate"], job["warmup"], job["max_length"]) == (
        training.epochs, training.batch_size, training.learning_rate, training.warmup, training.max_length,
    )  # fmt: skip


def test_invented_results_are_read_as_results(treebanks: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    study = make_study(treebanks, tiny_encoder)
    (tmp_path / "study.yaml").write_text(study.to_yaml(), encoding="utf-8")
    synthetic.write_results(tmp_path / "study.yaml", tmp_path / "results")
    assert read_status(study.plan(), Store(tmp_path / "results")).complete
    assert len(load_records(tmp_path / "results")) == 8 * 3
    assert len(load_nodes(tmp_path / "results")) == 8 + 6


def test_the_time_of_a_study_is_taken_apart(treebanks: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    study = make_study(treebanks, tiny_encoder, targets=["bb"], training={"epochs": 1, "batch_size": 16})
    (tmp_path / "study.yaml").write_text(study.to_yaml(), encoding="utf-8")
    profile.main([str(tmp_path / "study.yaml"), str(tmp_path / "profile.csv"), "none"])
    frame = pd.read_csv(tmp_path / "profile.csv")
    seconds = frame.set_index(["what", "name"])["seconds"]
    assert seconds["operators", "matmul"] > 0
    assert seconds["operators", "optimiser"] > 0
    assert seconds["stage"].sum() > 0.1
    assert seconds["stage", "report"] > 0


def test_each_stage_is_told_by_files_that_there_are() -> None:
    files = [path.as_posix() for path in Path(layerlab.__file__).parent.rglob("*.py")]
    files += [path.as_posix() for path in Path(torch.__file__).parent.glob("*/**/*.py")]
    outside = {"importlib", "clip_grad", "matplotlib", "safetensors", "modeling_utils"}
    parts = {part for _, parts in profile.STAGES for part in parts} - outside
    assert {part for part in parts if not any(part in file for file in files)} == set()


def test_parallel_sentences_count_once_in_each_language(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    for name in ("aa", "bb", "cc"):
        (tmp_path / name).symlink_to(treebanks / "aa")
    one = flops.count_measure(str(tiny_encoder), str(tmp_path), "aa", "bb", 8)
    two = flops.count_measure(str(tiny_encoder), str(tmp_path), "aa", "bb,cc", 8)
    assert two == pytest.approx(1.5 * one)
