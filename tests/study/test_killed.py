"""Kills at random moments lose nothing, repeat nothing, change no bit, and leave nothing behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.pretrainings import TINY_BERT
from tests.fixtures.studies import make_study
from tests.fixtures.treebanks import invent_text

ROOT = Path(__file__).parents[2]
STRIKES = (
    "all", "at a call", "eight runners", "interrupt", "pool", "prune", "runner", "stop", "two runners",
    "worker",
)  # fmt: skip
WELL = "different 0; failed 0; lost 0; done again 0; orphans 0; left behind 0"


def kill_and_resume(treebanks: Path, folder: Path, kills: int, seed: int) -> str:
    """Kill a small study, which pretrains its encoder; return what the script says of it."""
    for language in ("aa", "bb"):
        (folder / f"{language}.txt").write_text(invent_text(language, 60), encoding="utf-8")
    spec = {
        "name": "tiny",
        "architecture": TINY_BERT,
        "corpora": {"aa": "aa.txt", "bb": "bb.txt"},
        "vocab_size": 80,
        "sequence_length": 16,
        "batch_sequences": 4,
        "steps": 12,
        "held_out_sequences": 4,
    }
    (folder / "spec.yaml").write_text(json.dumps(spec), encoding="utf-8")
    study = make_study(treebanks, folder / "spec.yaml", seeds=[0], targets=["bb"])
    (folder / "study.yaml").write_text(study.to_yaml(), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "tests.kill_and_resume",
        str(folder / "study.yaml"),
        str(folder / "trial"),
    ]
    command += ["--kills", str(kills), "--seed", str(seed)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_killed_study_ends_with_the_records_of_an_undisturbed_one(treebanks: Path, tmp_path: Path) -> None:
    out = kill_and_resume(treebanks, tmp_path, 6, seed=0)
    left = re.search(r"^(\d+) of them left something to do", out, re.MULTILINE)
    assert left is not None, out
    assert int(left[1]) >= 6
    assert WELL in out


@pytest.mark.slow
def test_a_thousand_kills_change_nothing(treebanks: Path, tmp_path: Path) -> None:
    out = kill_and_resume(treebanks, tmp_path, 1000, seed=1)
    assert WELL in out
    for strike in STRIKES:
        assert f"{strike} " in out
