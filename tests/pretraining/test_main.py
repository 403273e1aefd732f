from __future__ import annotations

import json
from pathlib import Path

import pytest

from layerlab.pretraining.__main__ import main
from layerlab.pretraining.spec import PretrainingSpec


def test_the_command_pretrains_from_yaml_and_tells_how_it_goes(
    spec: PretrainingSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.yaml").write_text(spec.canonical(), encoding="utf-8")
    status = main(
        [str(tmp_path / "spec.yaml"), str(tmp_path / "model"), "--threads", "1", "--status-seconds", "0"]
    )
    told = capsys.readouterr().out
    assert status == 0
    assert "training the tokenizer" in told
    assert "step 12/12 loss" in told
    assert "step 12 held-out xa" in told
    assert json.loads((tmp_path / "model/training.json").read_text(encoding="utf-8"))["steps_done"] == 12


def test_a_mistake_is_one_message_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "absent.yaml"), str(tmp_path / "model")]) == 1
    assert "error: " in capsys.readouterr().err
