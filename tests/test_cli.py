from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from safetensors.torch import load_file, save_file

from tests.fixtures.command_line import Call


@pytest.fixture
def place(treebanks: Path, tiny_encoder: Path, tmp_path: Path) -> Path:
    """A folder with copies of the treebanks and the encoder, to be broken, and a study of 3 runs."""
    shutil.copytree(treebanks, tmp_path / "data")
    shutil.copytree(tiny_encoder, tmp_path / "encoder")
    study = {
        "name": "small",
        "models": [str(tmp_path / "encoder")],
        "tasks": ["upos"],
        "data": {"root": str(tmp_path / "data")},
        "sources": ["aa"],
        "targets": ["aa", "bb"],
        "seeds": [0],
        "ablations": ["none", {"sweep": {"windows": 2}, "before": [{"reset": {"to": "random"}}]}],
        "training": {"epochs": 1, "learning_rate": 1e-3, "batch_size": 16},
    }
    with (tmp_path / "study.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(study, file)
    return tmp_path


VERBS = (
    "describe", "plan", "run", "status", "records", "table", "plot",
    "report", "prune", "demo", "measure", "probe", "pretrain",
    "init", "ablate", "explain", "compare", "export", "export-languages", "languages",
)  # fmt: skip


def test_help_answers_without_torch_pandas_and_pydantic() -> None:
    program = (
        "import sys, contextlib, layerlab.cli as c\n"
        "sys.argv = ['layerlab', '--help']\n"
        "with contextlib.suppress(SystemExit): c.main()\n"
        "assert not {'torch', 'transformers', 'pandas', 'matplotlib', 'pydantic'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    for verb in VERBS:
        assert f"  {verb} " in done.stdout
    assert "0 done, 1 something failed, 2" in done.stdout


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "languages"])
def test_every_verb_shows_worked_examples(call: Call, verb: str) -> None:
    code, out, _ = call(verb, "--help")
    assert code == 0
    assert f"\n  layerlab {verb} " in out


def test_a_study_from_plan_to_plot(call: Call, place: Path) -> None:
    study, results = place / "study.yaml", place / "results"
    code, out, _ = call("plan", study, "--results", results)
    assert code == 0
    assert "3 runs over 3 fits, 9 optimiser steps" in out
    code, out, err = call("run", study, "--results", results, "--workers", 0)
    assert code == 0, err
    assert "3/3 runs, 3/3 fits complete" in out
    code, out, _ = call("status", study, "--results", results)
    assert (code, "3/3 runs" in out) == (0, True)
    code, out, _ = call("records", results)
    assert out.splitlines()[0].startswith("study,run_id,fit_id,model,task,ablation")
    assert len(out.splitlines()) == 1 + 3 * 2
    code, out, _ = call("table", results)
    assert "REF" in out
    assert "aa-X" in out
    code, out, _ = call("table", results, "--format", "latex")
    assert "\\toprule" in out
    code, out, _ = call("plot", results, "--output", place / "figures")
    assert code == 0
    assert sorted(path.suffix for path in (place / "figures").iterdir()) == [".pdf"] * 3


def test_describe_shows_the_parts(call: Call, tiny_encoder: Path) -> None:
    code, out, _ = call("describe", tiny_encoder)
    assert code == 0
    assert "layer 3" in out
    assert "encoder.layer.3" in out


def test_only_selects_runs_and_keeps_the_manifest_whole(call: Call, place: Path) -> None:
    arguments = ("run", place / "study.yaml", "--results", place / "r", "--workers", 0, "--no-report")
    code, _, err = call(*arguments, "--only", "ablation=none")
    assert code == 0, err
    assert len(list((place / "r" / "runs").iterdir())) == 1
    assert len(json.loads((place / "r" / "manifest.json").read_text())["nodes"]["run"]) == 3


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def break_twice(study: Path) -> None:
    edit(study, "batch_size", "batchsize")
    edit(study, "tasks", "task")


def change_weights(place: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    path = place / "encoder" / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def drop_tensors(place: Path) -> None:
    change_weights(place, lambda all_of_it: {n: t for n, t in all_of_it.items() if "layer.2" not in n})


def spoil_tensors(place: Path) -> None:
    """Make numbers infinite, which only shows when they are loaded."""
    change_weights(place, lambda all_of_it: {n: t / 0 if "layer.2" in n else t for n, t in all_of_it.items()})


# tests/malformed has the others, in plans.
BROKEN: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "two errors at once": (
        lambda place: break_twice(place / "study.yaml"),
        ["training.batchsize", "did you mean 'batch_size'", "did you mean 'tasks'", "problems", "line "],
    ),
    "missing tensors": (drop_tensors, ["models[0]", "lacks 16 tensors", "encoder.layer.2"]),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_input_gives_one_clear_message_before_any_training(call: Call, place: Path, kind: str) -> None:
    break_it, words = BROKEN[kind]
    break_it(place)
    code, out, err = call("run", place / "study.yaml", "--results", place / "results", "--workers", 0)
    assert code == 2
    for word in words:
        assert word in err
    assert "Traceback" not in err + out
    assert not (place / "results").exists()


def test_labels_that_the_source_lacks_are_found_before_training(call: Call, place: Path) -> None:
    edit(place / "data/bb/test.iob2", "B-PER", "B-GOD")
    code, _, err = call("plan", place / "study.yaml", "--set", "tasks=[ner]")
    assert code == 2
    assert "B-GOD" in err
    assert "B-PER" in err


def test_a_checkpoint_with_weights_that_are_not_finite_fails_alone(call: Call, place: Path) -> None:
    shutil.copytree(place / "encoder", place / "good")
    spoil_tensors(place)
    models = f"models=[{place / 'encoder'}, {place / 'good'}]"
    arguments = ("run", place / "study.yaml", "--results", place / "r", "--workers", 0, "--set", models)
    code, out, err = call(*arguments, "--only", "ablation=none", "--no-report")
    assert code == 1
    assert "encoder.layer.2" in err
    assert "CheckpointError" in err
    assert "1/2 runs, 1/2 fits complete, 1 failed" in out


def test_an_argument_that_is_wrong_has_exit_status_2(call: Call, place: Path) -> None:
    assert call("run", place / "study.yaml", "--sett", "a=b")[0] == 2
    code, _, err = call("plan", place / "study.yaml", "--only", "ablation")
    assert (code, "COLUMN=VALUE" in err) == (2, True)
    code, _, err = call("table", place / "nowhere")
    assert (code, "nowhere" in err) == (2, True)


@pytest.mark.parametrize(
    ("only", "total"),
    [
        (["seed=0", "seed=2"], "6 runs"),
        (["seed=0", "seed=2", "ablation=none"], "2 runs"),
        (["seed=0", "seed=0"], "3 runs"),
    ],
)
def test_only_given_twice_takes_either_value_of_a_column_and_all_columns(
    call: Call, place: Path, only: list[str], total: str
) -> None:
    options = [word for one in only for word in ("--only", one)]
    code, out, _ = call("plan", place / "study.yaml", "--set", "seeds=[0,1,2]", *options)
    assert (code, f"total      {total}" in out) == (0, True)
