"""One optimiser step: forward, backward, clip, update, over accumulation parts and processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from layerlab.training.devices import seed_generators


class PartLoss(NamedTuple):
    """The loss of one part of a batch.

    Attributes:
        objective: What is differentiated; its sum over the parts is the objective of the whole batch.
        counted: What is summed over the parts and returned.
    """

    objective: Tensor
    counted: Tensor


#: The loss of a model on a part of a batch, by the part's number; None for a part without examples.
LossOfPart = Callable[[nn.Module, int], PartLoss | None]


@dataclass(frozen=True)
class Stepper:
    """Takes optimiser steps.

    A batch is cut into parts; each process computes its share of them, and gradients are summed over parts
    and processes. The dropout of a part has a seed of its own, so a step has the same randomness after a
    resume and on any number of processes that divides the number of parts.

    Attributes:
        model: The model in training.
        optimizer: Its groups have a ``peak_lr``.
        accelerator: Device and processes.
        accumulate: Parts into which a batch is cut at least.
        rate: From a peak learning rate and a 0-based step to the rate of that step.
        dropout_seed: From a step and a part to the seed of its dropout.
        max_grad_norm: Gradients are clipped to this norm; None switches clipping off.
        add_penalty: Adds the gradient of a penalty, once a step and before clipping; None if there is none.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    accelerator: Accelerator
    accumulate: int
    rate: Callable[[float, int], float]
    dropout_seed: Callable[[int, int], int]
    max_grad_norm: float | None
    add_penalty: Callable[[], None] | None = None

    @property
    def n_parts(self) -> int:
        """Parts into which a batch is cut."""
        return max(self.accumulate, int(self.accelerator.num_processes))

    def take(self, loss_of_part: LossOfPart, step: int) -> float:
        """Take a 0-based step and return the counted loss of the whole batch."""
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(group["peak_lr"], step)
        n_processes = int(self.accelerator.num_processes)
        total = torch.zeros((), device=self.accelerator.device)
        for part in range(self.accelerator.process_index, self.n_parts, n_processes):
            seed_generators(self.dropout_seed(step, part), self.accelerator.device)
            loss = loss_of_part(self.model, part)
            if loss is not None:
                loss.objective.backward()  # type: ignore[no-untyped-call]
                total += loss.counted.detach()
        if n_processes > 1:
            sum_gradients(self.model, self.accelerator)
            total = self.accelerator.reduce(total, reduction="sum")
        if self.add_penalty is not None:
            self.add_penalty()
        if self.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(total)


def sum_gradients(model: nn.Module, accelerator: Accelerator) -> None:
    """Sum gradients over processes in one message; a parameter without gradient anywhere keeps none.

    Plain summation, unlike a wrapped model, stays right when a schedule freezes, unfreezes or skips layers.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trainable:
        return
    device = accelerator.device
    present = torch.tensor([float(p.grad is not None) for p in trainable], device=device)
    present = accelerator.reduce(present, reduction="sum")
    used = [p for p, count in zip(trainable, present.tolist(), strict=True) if count > 0]
    if not used:
        return
    grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in used]
    flat = torch.cat([grad.reshape(-1) for grad in grads])
    flat = accelerator.reduce(flat, reduction="sum")
    for parameter, piece in zip(used, flat.split([p.numel() for p in used]), strict=True):
        parameter.grad = piece.view_as(parameter).clone()
