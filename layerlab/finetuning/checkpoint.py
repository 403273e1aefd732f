"""Checkpoints inside a fit, from which it goes on exactly."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from layerlab.errors import DamagedCheckpointError
from layerlab.training import checkpoint

_FILE = "checkpoint.safetensors"
_BEST = "best."
_ROWS = "trimming.rows"
State = dict[str, Tensor]


@dataclass
class Position:
    """Where a fit stands.

    Attributes:
        step: Optimiser steps done, over all epochs.
        epoch: 0-based epoch of the next step.
        loss_sum: Summed loss of the current epoch so far.
        n_targets: Labelled positions behind ``loss_sum``.
        seconds: Time spent in training so far, over all resumed parts.
        best_score: The best source dev score so far; None before the first epoch ends.
        best_epoch: 0-based epoch that gave it.
        history: One entry an epoch: epoch, loss, dev scores, seconds.
        receipts: What the ``during`` interventions touched.
        decay: What weight decay has left of embedding rows that trimming keeps out of the model.
        best_decay: The same for the weights that are kept: at the end of ``best_epoch``, or the mean.
        n_averaged: Epochs in the mean of weights, where that is kept.
        first_epoch: The first epoch that may be kept: the first one that ends after the model was changed.
        fused: Whether the optimiser takes fused steps.
        watched: Which trajectory is recorded from the first step on; empty for none.
        points: Its points so far.
        watching_seconds: Time that they took, over all resumed parts.
    """

    step: int = 0
    epoch: int = 0
    loss_sum: float = 0.0
    n_targets: int = 0
    seconds: float = 0.0
    best_score: float | None = None
    best_epoch: int | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    decay: float = 1.0
    best_decay: float = 1.0
    n_averaged: int = 0
    first_epoch: int = 0
    fused: bool = False
    watched: str = ""
    points: list[dict[str, Any]] = field(default_factory=list)
    watching_seconds: float = 0.0


@dataclass(frozen=True)
class Workplace:
    """Where and how often a running fit is saved.

    Attributes:
        folder: Holds the checkpoints; None keeps none.
        seconds: Time between checkpoints.
    """

    folder: Path | None = None
    seconds: float = 60.0


def cpu_state(model: nn.Module) -> State:
    """Return a copy of a model's state on the CPU, each tensor with memory of its own."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in model.state_dict().items()
    }


def save_checkpoint(
    folder: Path,
    position: Position,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    best: State | None,
    rows: Tensor | None = None,
) -> None:
    """Write the checkpoint of a fit in place of the one before.

    ``rows`` are those that the embedding matrix holds, where it is trimmed.
    """
    tensors = {f"{_BEST}{name}": tensor for name, tensor in (best or {}).items()}
    if rows is not None:
        tensors[_ROWS] = rows
    checkpoint.save(folder / _FILE, model, optimizer, asdict(position), tensors)
    for older in folder.glob("checkpoint-*"):
        shutil.rmtree(older, ignore_errors=True)


def load_checkpoint(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[Position, State | None] | None:
    """Restore the checkpoint of a fit; None if there is none.

    Raises:
        DamagedCheckpointError: It cannot be read, or is not what was written.
        CheckpointError: Its tensors are not those of the model.
    """
    saved = checkpoint.load(folder / _FILE, model, optimizer)
    if saved is None:
        return _load_folder(folder, model, optimizer)
    position, tensors = saved
    try:
        place = Position(**position)
    except TypeError as error:
        raise DamagedCheckpointError(folder / _FILE, str(error)) from error
    best = {name.removeprefix(_BEST): tensor for name, tensor in tensors.items() if name.startswith(_BEST)}
    return place, best or None


def has_checkpoint(folder: Path) -> bool:
    """Return whether a fit has a checkpoint to go on from."""
    return (folder / _FILE).is_file() or bool(_folders(folder))


def load_rows(folder: Path) -> Tensor | None:
    """Return which rows the embedding matrix of a fit's checkpoint holds; None if it is whole.

    Raises:
        CheckpointError: The checkpoint cannot be read.
    """
    return checkpoint.load_tensor(folder / _FILE, _ROWS)


def _folders(folder: Path) -> list[Path]:
    """Return the complete checkpoints of version 0.1.0, oldest first."""
    found = sorted(path.parent for path in folder.glob("checkpoint-*/position.json"))
    return [path for path in found if ".tmp" not in path.name]


def _load_folder(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[Position, State | None] | None:
    """Restore a checkpoint of version 0.1.0: the newest complete folder of several files."""
    found = _folders(folder)
    if not found:
        return None
    newest = found[-1]
    best = newest / "best.safetensors"
    try:
        tensors = load_file(newest / "model.safetensors")
        moments = torch.load(newest / "optimizer.pt", weights_only=True)
        position = Position(**json.loads((newest / "position.json").read_text(encoding="utf-8")))
        kept = load_file(best) if best.exists() else None
    except (
        SafetensorError,
        UnpicklingError,
        OSError,
        RuntimeError,
        EOFError,
        ValueError,
        TypeError,
    ) as error:
        raise DamagedCheckpointError(newest, str(error)) from error
    model.load_state_dict(tensors)
    optimizer.load_state_dict(moments)
    return position, kept
