from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub.utils.tqdm import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForTokenClassification, PreTrainedModel
from transformers.utils import logging as transformers_logging

from layerlab.errors import CheckpointError
from layerlab.models.encoder import Encoder
from layerlab.models.loading import split_revision


def test_a_checkpoint_that_lacks_tensors_is_refused_by_name(
    checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    folder = checkpoint("bert")
    tensors = load_file(folder / "model.safetensors")
    kept = {name: t for name, t in tensors.items() if "layer.2" not in name and "pooler" not in name}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(CheckpointError, match=r"lacks 16 tensors of its encoder: encoder.layer.2.attention"):
        Encoder.from_pretrained(str(tmp_path))


def test_a_missing_pooler_is_accepted(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    folder = checkpoint("bert")
    kept = {n: t for n, t in load_file(folder / "model.safetensors").items() if not n.startswith("pooler")}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    assert Encoder.from_pretrained(str(tmp_path)).n_layers == 4


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint '.*/nowhere'"):
        Encoder.from_pretrained(str(tmp_path / "nowhere"))
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Encoder.from_pretrained(str(tmp_path))


def test_weights_are_loaded_in_float32(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    model = Encoder.from_pretrained(str(checkpoint("bert"))).model
    nn.Module.to(model, torch.bfloat16)
    model.save_pretrained(tmp_path)
    assert Encoder.from_pretrained(str(tmp_path)).base.dtype == torch.float32


def test_a_revision_is_split_off_a_hub_id_and_never_off_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert split_revision("org/model@v1.0") == ("org/model", "v1.0")
    assert split_revision("org/model") == ("org/model", None)
    assert split_revision("org/model@") == ("org/model", None)
    (tmp_path / "fit@home").mkdir()
    assert split_revision(str(tmp_path / "fit@home")) == (str(tmp_path / "fit@home"), None)
    monkeypatch.chdir(tmp_path)
    assert split_revision("fit@home") == ("fit@home", None)


def test_the_revision_reaches_configuration_and_weights(
    bert: PreTrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str, Any]] = []

    def record(kind: str, answer: Any) -> Any:
        def give(name: str, **options: Any) -> Any:
            asked.append((kind, name, options.get("revision")))
            return answer

        return give

    monkeypatch.setattr(AutoConfig, "from_pretrained", record("config", bert.config))
    monkeypatch.setattr(AutoModel, "from_pretrained", record("model", (bert, {"missing_keys": set()})))
    for name, revision in (("org/m@v1", None), ("org/m", "v1"), ("org/m@v1", "v1")):
        Encoder.from_pretrained(name, revision=revision)
        assert asked == [("config", "org/m", "v1"), ("model", "org/m", "v1")]
        asked.clear()
    Encoder.from_pretrained("org/m")
    assert asked == [("config", "org/m", None), ("model", "org/m", None)]
    with pytest.raises(CheckpointError, match="'org/m@v1' names a revision, and revision='v2' another"):
        Encoder.from_pretrained("org/m@v1", revision="v2")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What transformers logs and the bars that it draws, both switched on."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    verbosity, bar = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_warning()  # type: ignore[no-untyped-call]
    transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    transformers_logging.add_handler(handler)
    yield stream
    transformers_logging.remove_handler(handler)
    transformers_logging.set_verbosity(verbosity)
    if not bar:
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def test_heads_that_are_left_out_are_not_reported(
    log: io.StringIO, checkpoint: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tagger = AutoModelForTokenClassification.from_pretrained(checkpoint("bert"), num_labels=3)
    tagger.save_pretrained(tmp_path)
    log.truncate(0)
    capfd.readouterr()
    Encoder.from_pretrained(str(tmp_path))
    assert log.getvalue() == ""
    assert capfd.readouterr() == ("", "")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Encoder.from_pretrained(str(tmp_path / "nowhere"))
    AutoModel.from_pretrained(tmp_path)
    assert "LOAD REPORT" in log.getvalue(), "what the user set is back, after an error too"
    assert "Loading weights" in capfd.readouterr().err


@pytest.mark.parametrize("downloads", [False, True])
def test_switches_are_left_as_they_were(
    downloads: bool, log: io.StringIO, checkpoint: Callable[..., Path]
) -> None:
    (enable_progress_bars if downloads else disable_progress_bars)()
    transformers_logging.set_verbosity_info()  # type: ignore[no-untyped-call]
    Encoder.from_pretrained(str(checkpoint("bert")))
    assert are_progress_bars_disabled() is not downloads
    assert transformers_logging.is_progress_bar_enabled()
    assert transformers_logging.get_verbosity() == logging.INFO
    enable_progress_bars()


def test_reading_names_needs_no_torch() -> None:
    check = "import layerlab.models.loading, sys; assert not {'torch', 'transformers'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
