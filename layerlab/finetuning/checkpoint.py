"""Checkpoints inside a fit: written whole or not at all, and resumed exactly."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


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


def cpu_state(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a model's state on the CPU, each tensor with memory of its own."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in model.state_dict().items()
    }


def save_checkpoint(
    folder: Path,
    position: Position,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    best: dict[str, Tensor] | None,
) -> Path:
    """Write ``checkpoint-<step>-<epoch>`` under ``folder`` by rename, then drop the older ones.

    Nothing is dropped before the new one stands, so a kill at any instant leaves a complete checkpoint.
    """
    final = folder / f"checkpoint-{position.step:08d}-{position.epoch:04d}"
    if final.exists():
        return final
    partial = folder / f"{final.name}.tmp-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(cpu_state(model), partial / "model.safetensors")
    torch.save(optimizer.state_dict(), partial / "optimizer.pt")
    if best is not None:
        save_file(best, partial / "best.safetensors")
    (partial / "position.json").write_text(json.dumps(asdict(position)), encoding="utf-8")
    for path in partial.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    partial.rename(final)
    for older in folder.glob("checkpoint-*"):
        if older != final:
            (older / "position.json").unlink(missing_ok=True)
            shutil.rmtree(older, ignore_errors=True)
    return final


def load_checkpoint(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[Position, dict[str, Tensor] | None] | None:
    """Restore the newest complete checkpoint under ``folder``; None where there is none."""
    found = sorted(path.parent for path in folder.glob("checkpoint-*/position.json"))
    found = [path for path in found if ".tmp" not in path.name]
    if not found:
        return None
    newest = found[-1]
    model.load_state_dict(load_file(newest / "model.safetensors"))
    optimizer.load_state_dict(torch.load(newest / "optimizer.pt", weights_only=True))
    position = Position(**json.loads((newest / "position.json").read_text(encoding="utf-8")))
    best_path = newest / "best.safetensors"
    return position, load_file(best_path) if best_path.exists() else None
