"""AdamW with weight decay on matrices alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


def build_optimizer(
    parts: Iterable[tuple[nn.Module, float]],
    weight_decay: float,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    fused: bool | None = None,
) -> torch.optim.AdamW:
    """Return AdamW over every parameter, without weight decay on biases and norms.

    Frozen parameters have no gradient, and AdamW leaves a parameter without gradient alone, decay
    included; so they can be listed, and a schedule can unfreeze them later.

    Args:
        parts: Modules that share no parameter, each with its peak learning rate; groups keep it as
            ``peak_lr``.
        weight_decay: Decoupled decay of the matrices.
        betas: Decay of the two moments.
        eps: Added to the root of the second moment.
        fused: Whether one kernel updates all parameters; None leaves it to PyTorch.
    """
    groups: list[dict[str, Any]] = []
    for module, rate in parts:
        matrices = [p for p in module.parameters() if p.ndim >= 2]
        vectors = [p for p in module.parameters() if p.ndim < 2]
        groups.append({"params": matrices, "lr": rate, "peak_lr": rate, "weight_decay": weight_decay})
        groups.append({"params": vectors, "lr": rate, "peak_lr": rate, "weight_decay": 0.0})
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], betas=betas, eps=eps, fused=fused
    )
