"""How far a pretraining is, in ``state/`` of its folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from layerlab.errors import CheckpointError, DamagedCheckpointError
from layerlab.files import sweep
from layerlab.training import checkpoint

STATE = "state"
_FILE = "checkpoint.safetensors"


@dataclass
class Position:
    """Where a pretraining stands.

    Attributes:
        step: Steps done.
        losses: Loss of each step, in nats per predicted token.
        held_out: Held-out losses so far: ``{"step": ..., "loss": {language: ...}}``.
        seconds: Time spent in steps, in seconds, over all starts.
        probes: What probes measured so far, one row a pair, layer and measure.
    """

    step: int = 0
    losses: list[float] = field(default_factory=list)
    held_out: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    probes: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from pretraining in a folder, which is made; they are free to when this one ends.

    What a killed one left half-written in it is removed.

    Raises:
        CheckpointError: Another one is at it.
    """
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        sweep((folder / STATE).glob(".tmp-*"))
        yield
    finally:
        os.close(descriptor)
        if new:
            with suppress(OSError):  # nothing was written
                folder.rmdir()


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CheckpointError(
            f"{folder}: another process pretrains there; wait for it, or give another directory"
        ) from error
    except OSError:
        return  # a file system without locks


def save(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, position: Position) -> None:
    """Write the checkpoint of ``folder`` in place of the one before."""
    losses = torch.tensor(position.losses, dtype=torch.float64)
    rest = {name: getattr(position, name) for name in ("step", "held_out", "seconds", "probes")}
    checkpoint.save(folder / STATE / _FILE, model, optimizer, rest, {"losses": losses})


def load(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> Position:
    """Put the checkpoint of ``folder``, if there is one, into the model and the optimiser.

    Raises:
        DamagedCheckpointError: It cannot be read, or is not what was written.
        CheckpointError: Its tensors are not those of the model.
    """
    saved = checkpoint.load(folder / STATE / _FILE, model, optimizer)
    if saved is None:
        return Position()
    position, tensors = saved
    try:
        return Position(**position, losses=tensors["losses"].tolist())
    except (TypeError, KeyError) as error:
        raise DamagedCheckpointError(folder / STATE / _FILE, str(error)) from error
