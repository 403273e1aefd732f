from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from layerlab.errors import CheckpointError
from layerlab.pretraining import checkpoint
from layerlab.pretraining.checkpoint import Position, alone


def trained(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


def test_a_checkpoint_gives_back_weights_moments_and_progress(tmp_path: Path) -> None:
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


def test_a_half_written_checkpoint_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, optimizer = trained(0)
    checkpoint.save(tmp_path, model, optimizer, Position(1, [0.5]))

    def breaks(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt("half-way")

    monkeypatch.setattr("safetensors.torch.save_file", breaks)
    with pytest.raises(KeyboardInterrupt, match="half-way"):
        checkpoint.save(tmp_path, model, optimizer, Position(2, [0.5, 0.4]))
    assert checkpoint.load(tmp_path, *trained(1)).step == 1
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["checkpoint.safetensors"]


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, *trained(0), Position(1))
    with pytest.raises(CheckpointError, match=r"only in one of them: 0\.bias, 0\.weight, bias, weight"):
        checkpoint.load(tmp_path, nn.Sequential(nn.Linear(3, 2)))


def test_two_processes_do_not_pretrain_in_one_folder(tmp_path: Path) -> None:
    other = alone(tmp_path / "encoder")
    with (
        alone(tmp_path / "encoder"),
        pytest.raises(CheckpointError, match="another process pretrains there; wait for it"),
    ):
        other.__enter__()
    assert not (tmp_path / "encoder").exists(), "nothing was written"
    with alone(tmp_path / "encoder"):
        pass
