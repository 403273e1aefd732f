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

    The modules of ``parts`` share no parameter. Each has a peak learning rate, which its groups keep as
    ``peak_lr``.
    """
    groups: list[dict[str, Any]] = []
    for module, rate in parts:
        matrices = [p for p in module.parameters() if p.ndim >= 2]
        vectors = [p for p in module.parameters() if p.ndim < 2]
        for parameters, decay in ((matrices, weight_decay), (vectors, 0.0)):
            if parameters:
                group = {"params": parameters, "lr": rate, "peak_lr": rate, "weight_decay": decay}
                groups.append(group)
    return torch.optim.AdamW(groups, betas=betas, eps=eps, fused=fused)
