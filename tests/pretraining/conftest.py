"""Invented text in two languages and a pretraining small enough to run in a second."""

from __future__ import annotations

import lzma
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from layerlab.pretraining.spec import Architecture, PretrainingSpec

SUBJECTS = {"xa": ["lomir", "tasin", "vekor", "nalim"], "xb": ["шалук", "денор", "митав"]}
VERBS = {"xa": ["petak", "zunor", "silav"], "xb": ["горит", "волек"]}


def invented_text(language: str, n_lines: int) -> list[str]:
    chance = random.Random(language)
    return [
        " ".join(
            f"{chance.choice(SUBJECTS[language])} {chance.choice(VERBS[language])} "
            f"{chance.choice(SUBJECTS[language])} ."
            for _ in range(chance.randint(1, 3))
        )
        for _ in range(n_lines)
    ]


@pytest.fixture
def spec(tmp_path: Path) -> PretrainingSpec:
    corpora = tmp_path / "corpora"
    corpora.mkdir()
    (corpora / "xa.txt").write_text("\n".join(invented_text("xa", 120)) + "\n", encoding="utf-8")
    with lzma.open(corpora / "xb.tsv.xz", "wt", encoding="utf-8") as file:
        file.writelines(f"Abc.{n}.1\t{text}\n" for n, text in enumerate(invented_text("xb", 120)))
    return PretrainingSpec(
        name="tiny",
        architecture=Architecture(
            model_type="bert",
            options={
                "num_hidden_layers": 2,
                "hidden_size": 16,
                "num_attention_heads": 2,
                "intermediate_size": 32,
                "max_position_embeddings": 32,
            },
        ),
        corpora={"xa": (corpora / "xa.txt",), "xb": (corpora / "xb.tsv.xz",)},
        vocab_size=80,
        sequence_length=16,
        batch_sequences=4,
        learning_rate=5e-3,
        warmup_steps=3,
        steps=12,
        held_out_sequences=4,
        evaluate_every=6,
    )


KILLED = """
import os, signal, sys
from pathlib import Path
from layerlab.pretraining.mlm import pretrain
from layerlab.pretraining.spec import PretrainingSpec
def kill(told):
    if told.step == 7:
        os.kill(os.getpid(), signal.SIGKILL)
spec = PretrainingSpec.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
pretrain(spec, sys.argv[2], checkpoint_seconds=0, progress=kill, threads=1)
"""


def kill_midway(spec: PretrainingSpec, folder: Path) -> None:
    """Pretrain in a process of its own that is killed after the seventh step."""
    file = folder.with_name(f"{folder.name}.json")
    file.write_text(spec.canonical(), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", KILLED, str(file), str(folder)], check=False)
    assert done.returncode == -signal.SIGKILL
