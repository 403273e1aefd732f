from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from layerlab.errors import CheckpointError
from layerlab.pretraining import checkpoint
from layerlab.pretraining.checkpoint import Position
from layerlab.training.checkpoint import write_atomically


def trained(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


def test_a_checkpoint_gives_back_weights_moments_and_progress(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    model, optimizer = trained(0)
    position = Position(2, [1.5, 1 / 3], [{"step": 2, "loss": {"en": 0.1}}], 4.0)
    checkpoint.save(tmp_path, model, optimizer, position)
    other, moments = trained(1)
    assert checkpoint.load(tmp_path, other, moments) == position
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        for key, value in optimizer.state[mine].items():
            assert torch.equal(value, moments.state[theirs][key])


def test_without_a_checkpoint_nothing_is_done_yet(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path, *trained(0)) == Position()


def test_a_half_written_checkpoint_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, lambda beside: beside.write_text("old", encoding="utf-8"))

    def breaks(beside: Path) -> None:
        beside.write_text("ne", encoding="utf-8")
        raise KeyboardInterrupt("half-way")

    with pytest.raises(KeyboardInterrupt, match="half-way"):
        write_atomically(path, breaks)
    assert path.read_text(encoding="utf-8") == "old"


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    checkpoint.save(tmp_path, *trained(0), Position(1))
    with pytest.raises(CheckpointError, match=r"only in one of them: 0\.bias, 0\.weight, bias, weight"):
        checkpoint.load(tmp_path, nn.Sequential(nn.Linear(3, 2)))
