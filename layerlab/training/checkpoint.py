"""The state of a training in one file that appears by rename, so that it is whole or not there."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from layerlab.errors import CheckpointError, DamagedCheckpointError
from layerlab.files import replacing

_MODEL, _OPTIMIZER = "model.", "optimizer."
#: Part of a training's time that writing checkpoints may take, and the longest time between two for it.
SHARE: Final = 0.03
MOST_SECONDS: Final = 600.0


#: What a checkpoint holds besides model and optimiser: plain values, and other tensors by name.
Saved = tuple[dict[str, Any], dict[str, Tensor]]


@dataclass
class Saving:
    """How often a training is saved: seldom enough that writing takes little of the time.

    Attributes:
        seconds: Least time between two checkpoints; 0 saves after every step.
        last: When the last one was written, on the monotonic clock.
        pause: Time until the next one: ``seconds``, or more where writing is slow.
    """

    seconds: float
    last: float = field(default_factory=time.monotonic)
    pause: float = field(init=False)

    def __post_init__(self) -> None:
        self.pause = self.seconds

    def due(self, now: bool = False) -> bool:
        """Return whether it is time for a checkpoint, or ``now``; the clock then starts anew."""
        if not now and time.monotonic() - self.last < self.pause:
            return False
        self.last = time.monotonic()
        return True

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure how long the block takes to write a checkpoint, and set the time until the next one by it.

        >>> saving = Saving(seconds=1e-9)
        >>> with saving.writing():
        ...     time.sleep(0.01)
        >>> saving.pause > 0.01 / SHARE
        True
        """
        started = time.monotonic()
        yield
        self.last = time.monotonic()
        if self.seconds:
            self.pause = max(self.seconds, min(MOST_SECONDS, (self.last - started) / SHARE))


def save(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    position: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
) -> None:
    """Write a checkpoint; the old one stays until the new one is whole.

    ``position`` is plain values that say how far the training is; names of ``tensors`` begin with neither
    ``model.`` nor ``optimizer.``.
    """
    from safetensors.torch import save_file

    state: dict[str, Tensor] = dict(tensors)
    for name, tensor in _tensors_of(model).items():
        state[f"{_MODEL}{name}"] = tensor.detach().contiguous()
        for key, value in optimizer.state.get(tensor, {}).items():
            state[f"{_OPTIMIZER}{key}.{name}"] = value.contiguous()
    with replacing(path) as beside:
        save_file(state, beside, metadata={"progress": json.dumps(position), "sum": _sum_of(state)})


def load(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> Saved | None:
    """Put a checkpoint into the model and the optimiser; None if there is none.

    Raises:
        DamagedCheckpointError: It cannot be read, or is not what was written.
        CheckpointError: Its tensors are not those of the model.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a mapping)
            about = file.metadata() or {}
        position = json.loads(about["progress"])
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise DamagedCheckpointError(path, str(error)) from error
    # Checkpoints of older versions have no sum.
    if about.get("sum", "") not in ("", _sum_of(state)):
        raise DamagedCheckpointError(path, "its tensors are not what was written")
    own = _tensors_of(model)
    stored = {key.removeprefix(_MODEL) for key in state if key.startswith(_MODEL)}
    # Checkpoints of version 0.1.0 hold no buffers.
    if stored != own.keys() and stored != dict(model.named_parameters()).keys():
        differing = ", ".join(sorted(stored ^ own.keys()))
        raise CheckpointError(f"{path} does not fit the model; only in one of them: {differing}")
    with torch.no_grad():
        for name in stored:
            own[name].copy_(state[f"{_MODEL}{name}"])
    if optimizer is not None:
        _load_optimizer(optimizer, model, state)
    rest = {key: value for key, value in state.items() if not key.startswith((_MODEL, _OPTIMIZER))}
    return position, rest


def load_tensor(path: Path, name: str) -> Tensor | None:
    """Return one of the tensors that a checkpoint holds besides model and optimiser; None if it does not.

    Raises:
        DamagedCheckpointError: It cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            found: Tensor | None = file.get_tensor(name) if name in file.keys() else None  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise DamagedCheckpointError(path, str(error)) from error
    return found


def _sum_of(state: Mapping[str, Tensor]) -> str:
    """Return a sum of tensors, bit by bit, as 8 hexadecimal digits; 4 GB/s on one core."""
    total = 0
    for name in sorted(state):
        data = state[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        total = zlib.crc32(data.numpy().data, zlib.crc32(name.encode(), total))
    return f"{total:08x}"


def _tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Return a model's parameters, and the buffers that belong to its state, by name; shared ones once."""
    kept = model.state_dict().keys()
    buffers = {name: buffer for name, buffer in model.named_buffers() if name in kept}
    return {**dict(model.named_parameters()), **buffers}


def _load_optimizer(optimizer: torch.optim.Optimizer, model: nn.Module, state: Mapping[str, Tensor]) -> None:
    names = {parameter: name for name, parameter in model.named_parameters()}
    by_name: dict[str, dict[str, Tensor]] = {}
    for key, value in state.items():
        if key.startswith(_OPTIMIZER):
            entry, name = key.removeprefix(_OPTIMIZER).split(".", 1)
            by_name.setdefault(name, {})[entry] = value
    listed = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    moments = {
        number: by_name[names[parameter]]
        for number, parameter in enumerate(listed)
        if names[parameter] in by_name
    }
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
