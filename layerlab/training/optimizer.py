"""AdamW with weight decay on matrices alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from layerlab.models.rates import rate_of


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

    The modules of ``parts`` share no parameter. Each has a peak learning rate; its groups keep as ``peak_lr``
    that rate times the factor of their parameters, see :func:`regroup`.
    """
    groups: list[dict[str, Any]] = []
    for module, rate in parts:
        matrices = [p for p in module.parameters() if p.ndim >= 2]
        vectors = [p for p in module.parameters() if p.ndim < 2]
        for parameters, decay in ((matrices, weight_decay), (vectors, 0.0)):
            if parameters:
                group = {"params": parameters, "lr": rate, "peak_lr": rate, "weight_decay": decay}
                groups.append(group)
    optimizer = torch.optim.AdamW(groups, betas=betas, eps=eps, fused=fused)
    regroup(optimizer)
    return optimizer


def regroup(optimizer: torch.optim.Optimizer) -> None:
    """Let groups have the peak learning rates that the factors of their parameters ask for now.

    A group whose parameters differ is split; moments stay with the parameters. Groups keep their peak without
    factors as ``base_lr``.
    """
    regrouped: list[dict[str, Any]] = []
    for group in optimizer.param_groups:
        by_factor: dict[float, list[nn.Parameter]] = {}
        for parameter in group["params"]:
            by_factor.setdefault(rate_of(parameter), []).append(parameter)
        base = group.get("base_lr", group["peak_lr"])
        for factor, parameters in by_factor.items():
            regrouped.append({**group, "params": parameters, "base_lr": base, "peak_lr": base * factor})
    optimizer.param_groups[:] = regrouped
