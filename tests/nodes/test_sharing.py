from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import Freeze, Reset, Unfreeze
from layerlab.study.study import Study


@pytest.mark.slow
def test_two_processes_that_share_a_fit_give_the_numbers_of_one(study: Study, tmp_path: Path) -> None:
    """Also when a schedule freezes and unfreezes layers in the middle."""
    training = study.training.model_copy(update={"accumulate": 2})
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


def read_fits(results: Path) -> list[dict[str, dict[str, list[dict[str, float]]]]]:
    import json

    return [json.loads(path.read_text()) for path in sorted(results.glob("fits/*/record.json"))]
