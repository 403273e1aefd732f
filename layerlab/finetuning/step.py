"""One optimiser step: forward, backward, clip, update, over accumulation parts and processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import nn

from layerlab.finetuning.evaluation import to_device
from layerlab.finetuning.model import TaskModel, forward_batch
from layerlab.finetuning.training import Training, rate_factor
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task
from layerlab.training.batching import share_of_batch
from layerlab.training.streams import derive_seed


@dataclass(frozen=True)
class Stepper:
    """Takes optimiser steps on batches.

    A batch is cut into parts; each process computes its share of them, and gradients are summed over parts
    and processes. The dropout of a part is seeded by (seed, step, part), so a step has the same
    randomness after a resume and on any number of processes that divides the number of parts.
    """

    model: TaskModel
    task: Task
    optimizer: torch.optim.Optimizer
    training: Training
    seed: int
    accelerator: Accelerator
    n_steps: int

    @property
    def n_parts(self) -> int:
        """Parts into which a batch is cut."""
        return max(self.training.accumulate, int(self.accelerator.num_processes))

    def take(self, corpus: EncodedCorpus, batch: Sequence[int], step: int) -> tuple[float, int]:
        """Take one step; return the summed loss and the number of labelled positions of the whole batch."""
        self.model.train()
        factor = rate_factor(step, self.n_steps, self.training.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
        chosen = [corpus.encoded.examples[index] for index in batch]
        n_targets = self.task.n_targets(self.task.collate(chosen, corpus.pad_id))
        total = torch.zeros((), device=self.accelerator.device)
        own = range(self.accelerator.process_index, self.n_parts, self.accelerator.num_processes)
        for part in own:
            total += self._backward_part(corpus, batch, step, part, n_targets)
        if self.accelerator.num_processes > 1:
            sum_gradients(self.model, self.accelerator)
            total = self.accelerator.reduce(total, reduction="sum")
        if self.training.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.training.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(total), n_targets

    def _backward_part(
        self, corpus: EncodedCorpus, batch: Sequence[int], step: int, part: int, n_targets: int
    ) -> torch.Tensor:
        indices = share_of_batch(batch, part, self.n_parts)
        device = self.accelerator.device
        if not indices:
            return torch.zeros((), device=device)
        examples = [corpus.encoded.examples[index] for index in indices]
        inputs = to_device(self.task.collate(examples, corpus.pad_id), device)
        torch.manual_seed(derive_seed(self.seed, "dropout", step, part))
        mixed = self.training.precision == "bf16"
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed):
            output = forward_batch(self.model, inputs)
        loss = self.task.loss(output, inputs["labels"])
        (loss / max(1, n_targets)).backward()  # type: ignore[no-untyped-call]
        return loss.detach()


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
