"""The state of a pretraining in one file that appears by rename, so that it is whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from layerlab.errors import CheckpointError

STATE = "state"
_CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class Progressed:
    """How far a pretraining is, besides its tensors.

    Attributes:
        step: Steps done.
        losses: Loss of each step, in nats per predicted token.
        held_out: Held-out losses so far: ``{"step": ..., "loss": {language: ...}}``.
        seconds: Time spent in steps, in seconds, over all starts.
        probes: What probes measured so far, one row a pair, layer and measure.
    """

    step: int = 0
    losses: tuple[float, ...] = ()
    held_out: tuple[Mapping[str, Any], ...] = ()
    seconds: float = 0.0
    probes: tuple[Mapping[str, Any], ...] = ()


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file beside ``path``, flush it to disk, and move it into place."""
    beside = path.with_name(f".{path.name}.part")
    write(beside)
    with beside.open("rb+") as file:
        os.fsync(file.fileno())
    beside.replace(path)


def save(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progressed: Progressed) -> None:
    """Write the checkpoint of ``folder``; the old one stays until the new one is whole."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {"losses": torch.tensor(progressed.losses, dtype=torch.float64)}
    for name, parameter in model.named_parameters():
        tensors[f"model.{name}"] = parameter.detach()
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{key}.{name}"] = value
    rest = {name: getattr(progressed, name) for name in ("step", "held_out", "seconds", "probes")}
    metadata = {"progress": json.dumps(rest)}
    write_atomically(folder / STATE / _CHECKPOINT, lambda path: save_file(tensors, path, metadata=metadata))


def load(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> Progressed:
    """Put the checkpoint of ``folder``, if there is one, into the model and the optimiser.

    Raises:
        CheckpointError: Its tensors are not those of the model.
    """
    from safetensors import safe_open

    path = folder / STATE / _CHECKPOINT
    if not path.is_file():
        return Progressed()
    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a mapping)
        rest = json.loads(file.metadata()["progress"])
    parameters = dict(model.named_parameters())
    stored = {key.removeprefix("model.") for key in tensors if key.startswith("model.")}
    if stored != parameters.keys():
        differing = ", ".join(sorted(stored ^ parameters.keys()))
        raise CheckpointError(f"{path} does not fit the model; only in one of them: {differing}")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(tensors[f"model.{name}"])
    if optimizer is not None:
        for name, parameter in parameters.items():
            state = {
                key.split(".", 2)[1]: value
                for key, value in tensors.items()
                if key.startswith("optimizer.") and key.split(".", 2)[2] == name
            }
            if state:
                optimizer.state[parameter] = {key: value.to(parameter.device) for key, value in state.items()}
    losses, probes = tuple(tensors["losses"].tolist()), tuple(rest.get("probes", ()))
    return Progressed(rest["step"], losses, tuple(rest["held_out"]), rest["seconds"], probes)
