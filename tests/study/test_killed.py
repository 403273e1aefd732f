from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from layerlab.study.study import Study

SCRIPT = Path(__file__).parents[1] / "kill_and_resume.py"


def kill_and_resume(study: Study, folder: Path, *options: object) -> str:
    path = folder / "study.yaml"
    path.write_text(study.to_yaml(), encoding="utf-8")
    command = [sys.executable, str(SCRIPT), str(path), str(folder / "results"), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_killed_study_ends_with_the_records_of_an_undisturbed_one(study: Study, tmp_path: Path) -> None:
    training = study.training.model_copy(update={"epochs": 40})
    changes = {"training": training, "keep": "needed"}
    out = kill_and_resume(study.model_copy(update=changes), tmp_path, "--kills", 2)
    assert re.search("[12] kills; lost 0; done twice 0; different values 0", out), out


@pytest.mark.slow
def test_twenty_kills_change_nothing(study: Study, tmp_path: Path) -> None:
    changes = {"seeds": (0, 1, 2), "training": study.training.model_copy(update={"epochs": 120})}
    out = kill_and_resume(study.model_copy(update=changes), tmp_path, "--kills", 20)
    assert "20 kills; lost 0; done twice 0; different values 0" in out
