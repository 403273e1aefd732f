"""A step in parts, in bf16 and in several processes is the step of the whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import Architecture, PretrainingSpec


def without_dropout(spec: PretrainingSpec, **update: Any) -> PretrainingSpec:
    options = dict(spec.architecture.options)
    options |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return spec.model_copy(
        update={"architecture": Architecture(model_type="bert", options=options), **update}
    )


def losses(folder: Path) -> list[float]:
    facts = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    found: list[float] = facts["losses"]
    return found


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_a_step_in_parts_is_the_step_of_the_whole(spec: PretrainingSpec, tmp_path: Path, parts: int) -> None:
    whole = losses(pretrain(without_dropout(spec), tmp_path / "whole", threads=1))
    cut = losses(pretrain(without_dropout(spec, accumulate=parts), tmp_path / "cut", threads=1))
    assert cut == pytest.approx(whole, rel=1e-4)


def test_bf16_learns_much_the_same(spec: PretrainingSpec, tmp_path: Path) -> None:
    full = losses(pretrain(without_dropout(spec), tmp_path / "full", threads=1))
    half = losses(pretrain(without_dropout(spec, precision="bf16"), tmp_path / "half", threads=1))
    assert half != full
    assert half == pytest.approx(full, rel=0.02)


def test_auto_precision_is_fp32_on_a_cpu(spec: PretrainingSpec, tmp_path: Path) -> None:
    full = losses(pretrain(spec, tmp_path / "full", threads=1))
    chosen = spec.model_copy(update={"precision": "auto"})
    assert losses(pretrain(chosen, tmp_path / "auto", threads=1, device="cpu")) == full


SHARED = """
import sys
from pathlib import Path
from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import PretrainingSpec
spec = PretrainingSpec.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
for stop in (5, None):
    pretrain(spec, sys.argv[2], threads=1, device="cpu", stop_after=stop)
"""


@pytest.mark.slow
def test_two_processes_that_share_each_step_give_the_losses_of_one(
    spec: PretrainingSpec, tmp_path: Path
) -> None:
    """Dropout included, since each part of a step has a stream of its own; also over a resume."""
    spec = spec.model_copy(update={"accumulate": 2})
    (tmp_path / "spec.json").write_text(spec.canonical(), encoding="utf-8")
    (tmp_path / "shared.py").write_text(SHARED, encoding="utf-8")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launch, str(tmp_path / "shared.py"), str(tmp_path / "spec.json"), str(tmp_path / "two")]
    environment = dict(os.environ, OMP_NUM_THREADS="1", ACCELERATE_USE_CPU="true")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    one = losses(pretrain(spec, tmp_path / "one", threads=1))
    assert losses(tmp_path / "two") == pytest.approx(one, rel=1e-4)
