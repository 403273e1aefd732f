"""Where a training or an evaluation computes, and in which precision."""

from __future__ import annotations

import torch
from accelerate import Accelerator


def make_accelerator(device: str) -> Accelerator:
    """Return an accelerator on the best device there is (``auto``), or on the CPU (``cpu``).

    Precision and accumulation come from the study, so a launcher's settings for them are ignored: they are
    in no identity.
    """
    return Accelerator(cpu=device == "cpu", mixed_precision="no", gradient_accumulation_steps=1)


def has_gpu(device: str) -> bool:
    """Return whether :func:`make_accelerator` finds a GPU, ``device`` being ``auto`` or ``cpu``.

    >>> has_gpu("cpu")
    False
    """
    return device != "cpu" and torch.cuda.is_available()


def uses_bf16(precision: str, device: torch.device) -> bool:
    """Return whether matrices are multiplied in bf16; ``auto`` is bf16 where a GPU has it.

    >>> uses_bf16("auto", torch.device("cpu")), uses_bf16("bf16", torch.device("cpu"))
    (False, True)
    """
    if precision == "auto":
        return device.type == "cuda" and bool(torch.cuda.is_bf16_supported())
    return precision == "bf16"


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Return a context in which a model computes in a precision; weights and losses stay in fp32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=uses_bf16(precision, device))


def seed_generators(seed: int, device: torch.device) -> None:
    """Seed all that a computation on a device draws from, as ``torch.manual_seed`` does.

    That one notes, for each kind of accelerator that was not used yet, where in the program it was called,
    which takes as long as a tiny model's layer; on the CPU nothing draws from them.
    """
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)
