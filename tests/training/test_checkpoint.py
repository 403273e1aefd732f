"""A checkpoint holds weights, buffers, moments and position, by name and in one file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from layerlab.errors import CheckpointError
from layerlab.training.checkpoint import Saving, load, save
from layerlab.training.optimizer import build_optimizer


class Tied(nn.Module):
    """Two names for one matrix, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(3, 3), nn.Linear(3, 3)
        self.outer.weight = self.inner.weight
        self.register_buffer("seen", torch.zeros(1))
        self.register_buffer("cache", torch.zeros(1), persistent=False)


def trained(seed: int, fused: bool | None = None) -> tuple[Tied, torch.optim.AdamW]:
    torch.manual_seed(seed)
    model = Tied()
    optimizer = build_optimizer(((model, 0.1),), weight_decay=0.1, fused=fused)
    model.outer(model.inner(torch.ones(1, 3))).sum().backward()
    optimizer.step()
    model.seen.fill_(seed)  # type: ignore[operator]
    return model, optimizer


@pytest.mark.parametrize("fused", [None, True])
def test_what_is_loaded_is_what_was_saved(tmp_path: Path, fused: bool | None) -> None:
    model, optimizer = trained(3, fused)
    save(tmp_path / "work" / "file", model, optimizer, {"step": 4}, {"best.x": torch.ones(2)})
    other, moments = trained(5, fused)
    saved = load(tmp_path / "work" / "file", other, moments)
    assert saved is not None
    position, tensors = saved
    assert position == {"step": 4}
    assert tensors.keys() == {"best.x"}
    assert other.seen == 3
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        for key, value in optimizer.state[mine].items():
            assert torch.equal(value, moments.state[theirs][key])
    for one, optimiser in ((model, optimizer), (other, moments)):
        optimiser.zero_grad()
        one.inner(torch.ones(1, 3)).sum().backward()
        optimiser.step()
    assert torch.equal(model.inner.weight, other.inner.weight)


def test_a_checkpoint_without_buffers_is_read_as_before(tmp_path: Path) -> None:
    """As pretrainings of version 0.1.0 wrote theirs."""
    model, optimizer = trained(3)
    save(tmp_path / "file", model, optimizer, {}, {})
    older = {key: tensor for key, tensor in load_file(tmp_path / "file").items() if key != "model.seen"}
    save_file(older, tmp_path / "older", metadata={"progress": "{}"})
    other, _ = trained(5)
    assert load(tmp_path / "older", other) is not None
    assert torch.equal(model.inner.weight, other.inner.weight)
    del older["model.inner.bias"]
    save_file(older, tmp_path / "wrong", metadata={"progress": "{}"})
    with pytest.raises(CheckpointError, match=r"only in one of them: inner\.bias, seen"):
        load(tmp_path / "wrong", other)


@pytest.mark.parametrize("content", [b"", b"half of a file", None])
def test_what_is_no_checkpoint_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    if content is None:
        save_file({"losses": torch.zeros(1)}, tmp_path / "file")
    else:
        (tmp_path / "file").write_bytes(content)
    with pytest.raises(
        CheckpointError, match="file is no checkpoint of a training .*; remove it to begin anew"
    ):
        load(tmp_path / "file", trained(0)[0])


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "absent", trained(0)[0]) is None


def test_a_checkpoint_is_due_by_the_clock_or_at_once() -> None:
    assert not Saving(seconds=60).due()
    assert Saving(seconds=60).due(now=True)
    assert Saving(seconds=0).due()


def test_a_checkpoint_that_takes_long_to_write_is_written_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing takes at most three hundredths of the time, and ten minutes are lost at most."""
    now = 0.0
    monkeypatch.setattr("layerlab.training.checkpoint.time.monotonic", lambda: now)
    for took, pause in ((0.1, 60.0), (3.0, 100.0), (60.0, 600.0)):
        saving = Saving(60.0, last=now)
        with saving.writing():
            now += took
        assert saving.pause == pytest.approx(pause)
        now += pause - 1
        assert not saving.due()
        now += 2
        assert saving.due()
