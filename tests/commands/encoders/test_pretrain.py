from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fixtures.command_line import Call
from tests.fixtures.pretrainings import TINY_BERT

SPEC = {
    "name": "tiny",
    "architecture": TINY_BERT,
    "corpora": {"avin": {"controlled": "avin", "sentences": 120}, "gori": {"controlled": "gori"}},
    "vocab_size": 120,
    "sequence_length": 16,
    "batch_sequences": 4,
    "steps": 8,
    "held_out_sequences": 4,
}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(SPEC), encoding="utf-8")
    return path


SMALL = ("--set", "corpora.gori.sentences=120", "--threads", "1", "--status-seconds", "0")


def facts(folder: Path) -> dict[str, object]:
    read: dict[str, object] = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    return read


def test_a_spec_becomes_an_encoder_and_the_lines_say_how(call: Call, spec: Path, tmp_path: Path) -> None:
    code, out, err = call("pretrain", spec, tmp_path / "model", *SMALL)
    assert (code, out) == (0, f"{tmp_path / 'model'}\n")
    assert "training the tokenizer" in err
    assert "step 8/8, loss" in err
    assert "of the matmul rate" in err
    assert "step 8, held-out loss avin" in err
    assert facts(tmp_path / "model")["steps_done"] == 8


def test_stopping_after_some_steps_and_going_on(call: Call, spec: Path, tmp_path: Path) -> None:
    assert call("pretrain", spec, tmp_path / "model", *SMALL, "--stop-after", 3)[0] == 0
    assert facts(tmp_path / "model")["steps_done"] == 3
    assert call("pretrain", spec, tmp_path / "model", *SMALL)[0] == 0
    assert facts(tmp_path / "model")["steps_done"] == 8


def test_a_store_keeps_it_as_a_node(call: Call, spec: Path, tmp_path: Path) -> None:
    code, out, _ = call("pretrain", spec, "--store", tmp_path / "results", *SMALL)
    assert code == 0
    assert facts(Path(out.strip()))["steps_done"] == 8
    assert Path(out.strip()).parent.parent == tmp_path / "results/pretrainings"
    assert call("pretrain", spec, "--store", tmp_path / "results", *SMALL)[:2] == (0, out)


def test_mistakes_are_one_message_and_status_2(call: Call, spec: Path, tmp_path: Path) -> None:
    code, _, err = call("pretrain", spec, tmp_path / "model", "--set", "setps=3", "--set", "mask_rate=2")
    assert code == 2
    assert "unknown key 'setps'; did you mean 'steps'?" in err
    assert "mask_rate: expected less than 1" in err
    assert call("pretrain", tmp_path / "none.yaml")[0] == 2
    assert "device 'gpu'" in call("pretrain", spec, tmp_path / "model", "--device", "gpu")[2]
    code, _, err = call("pretrain", spec, tmp_path / "m", *SMALL, "--set", "corpora.gori.controlled=goru")
    assert code == 2
    assert "corpora: gori: unknown controlled language 'goru'; did you mean 'gori'?" in err
    assert not (tmp_path / "m").exists()


@pytest.mark.slow
def test_ctrl_c_leaves_a_checkpoint_and_the_same_command_goes_on(spec: Path, tmp_path: Path) -> None:
    options = [*SMALL, "--set", "steps=300", "--checkpoint-seconds", "1000"]
    command = [sys.executable, "-m", "layerlab", "pretrain", str(spec), str(tmp_path / "model"), *options]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=dict(os.environ, PYTHONUNBUFFERED="1")
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "] step 20/" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait() == 130
    assert "a checkpoint is kept, the same command goes on from here" in rest
    assert "Traceback" not in rest
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "step 20/" not in done.stderr, time.monotonic() - began
    assert facts(tmp_path / "model")["steps_done"] == 300
