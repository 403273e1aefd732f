from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from layerlab.errors import CheckpointError
from layerlab.models.encoder import Encoder


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
