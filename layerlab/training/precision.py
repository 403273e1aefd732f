"""Whether bf16 pays on this machine: measured, before time is spent on it."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from layerlab.errors import Problem, StudyError

#: A processor on which bf16 is slower than fp32 by more than this is refused.
TOO_SLOW = 3.0
_SIDE, _SECONDS = 256, 0.05


@functools.cache
def bf16_speed() -> float:
    """Return how many times as fast as in fp32 this processor multiplies matrices in bf16.

    It takes a tenth of a second, once in a process; a processor without instructions for bf16 is some 50
    times slower.
    """
    import torch

    from layerlab.training.throughput import time_products

    rates = []
    for dtype in (torch.float32, torch.bfloat16):
        flops, seconds = time_products(_SIDE, _SIDE, _SIDE, torch.device("cpu"), dtype, _SECONDS)
        rates.append(flops / seconds)
    return rates[1] / rates[0]


def check_bf16(device: str, key: str = "training.precision") -> str:
    """Check that this machine computes in bf16 at a reasonable speed.

    Args:
        device: ``auto`` or ``cpu``; a GPU is not measured.
        key: The setting that asks for bf16.

    Returns:
        A warning where bf16 gains nothing over fp32; empty otherwise.

    Raises:
        StudyError: bf16 is more than ``TOO_SLOW`` times slower than fp32.
    """
    if device != "cpu" and has_gpu():
        return "" if _gpu_with_bf16() else f"{key}: this machine's GPU has no instructions for bf16"
    if device != "cpu" and _has_metal():
        return ""
    speed = bf16_speed()
    if speed * TOO_SLOW < 1:
        message = (
            f"bf16 is {1 / speed:.0f} times slower than fp32 on this processor (measured), which has no "
            f"instructions for it; go on with {key}: fp32, or on another machine"
        )
        raise StudyError([Problem(key, message)])
    if speed < 1:
        return (
            f"{key}: bf16 reaches {speed:.2f} of the speed of fp32 on this processor (measured); prefer fp32"
        )
    return ""


def advise(precision: str, key: str = "training.precision") -> str:
    """Return what there is to say of a precision on this machine; empty if nothing.

    A plan may be made on another machine than the one that carries it out, so nothing is refused.
    """
    if precision == "bf16":
        try:
            return check_bf16("auto", key)
        except StudyError as error:
            return f"{key}: {error.problems[0].message}"
    if precision == "fp32" and has_gpu() and (name := _gpu_with_bf16()):
        return f"{key}: bf16 is several times as fast as fp32 on this machine's {name}"
    return ""


def has_gpu() -> bool:
    """Return whether this process may use an NVIDIA GPU; asks neither the driver nor PyTorch."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in {"", "-1"}:
        return False
    return any(Path("/dev").glob("nvidia[0-9]*"))


def _has_metal() -> bool:
    import torch

    return bool(torch.backends.mps.is_available())


def _gpu_with_bf16() -> str:
    """Return the name of the GPU if it has instructions for bf16."""
    import torch

    if not (torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)):
        return ""
    return torch.cuda.get_device_name()
