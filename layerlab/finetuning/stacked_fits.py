"""Fits that stand at the same step, and the steps that they take as one stacked model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from layerlab.errors import TrainingError
from layerlab.finetuning.evaluation import to_device
from layerlab.finetuning.loop import FitResult, Fitting
from layerlab.finetuning.model import Batch, forward_batch
from layerlab.training.batching import share_of_batch
from layerlab.training.devices import autocast, seed_generators
from layerlab.training.interruption import Interruption, deferred_interrupt
from layerlab.training.shortcuts.cohorts import PULLED
from layerlab.training.stacked import Stack

# By how much a member's loss may differ from what it computes alone, relative, by precision.
_TOLERANCE = {"fp32": 1e-4, "bf16": 3e-2}
# Losses near zero are compared as if they were this large.
_LEAST = 1e-3


@dataclass
class StackedFits:
    """Members that stand at the same step, and the stacked model."""

    fits: Sequence[Fitting]
    failed: dict[int, TrainingError] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.first = self.fits[0]
        self.stack = Stack.of([fit.model for fit in self.fits])
        optimizers = [fit.stepper.optimizer for fit in self.fits]
        self.optimizer = self.stack.make_optimizer(optimizers)
        self.stack.share_moments(self.optimizer, optimizers)
        self.has_moments = bool(self.optimizer.state)
        self._follow_decay()

    @property
    def accelerator(self) -> Accelerator:
        """The device."""
        return self.first.accelerator

    def _follow_decay(self) -> None:
        """Let each member's trimmed rows know what weight decay has left of the others."""
        self.trimmed = None
        if self.first.trimmed is not None:
            weights = {id(p): name for name, p in self.first.model.named_parameters()}
            name = weights[id(self.first.trimmed.weight)]
            self.trimmed = replace(self.first.trimmed, weight=self.stack.parameters[name])
            self.trimmed.follow(self.optimizer)

    def refuses(self) -> str:
        """Return why these members cannot be trained together; empty if they can.

        The loss of a batch is computed both ways, with dropout.
        """
        if self.first.training.l2_sp:
            return PULLED
        if self.first.position.epoch == self.first.training.epochs:
            return ""
        step, batch = self.first.position.step, self.first.batches_left()[:1]
        if not batch:
            return ""
        self._set_training()
        with torch.no_grad():
            try:
                together = self._losses(batch[0], step, 0)
            except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
                return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
            alone = self._losses(batch[0], step, 0, one_by_one=True)
        assert together is not None
        assert alone is not None
        differing = (together - alone).abs() / alone.abs().clamp(min=_LEAST)
        worst = float(differing[alone.isfinite()].max()) if bool(alone.isfinite().any()) else 0.0
        if worst <= _TOLERANCE[self.first.training.precision]:
            return ""
        return f"losses differ by {worst:.1e} from those of each fit alone"

    def run(self) -> list[FitResult | TrainingError]:
        """Take every step that is left, then load each member's selected epoch."""
        training = self.first.training
        with deferred_interrupt() as interruption:
            while self.first.position.epoch < training.epochs and len(self.failed) < len(self.fits):
                self._run_epoch(interruption)
        results: list[FitResult | TrainingError] = [
            self.failed[number] if number in self.failed else fit.result()
            for number, fit in enumerate(self.fits)
        ]
        self.stack.release()
        return results

    @property
    def _active(self) -> list[tuple[int, Fitting]]:
        return [(number, fit) for number, fit in enumerate(self.fits) if number not in self.failed]

    def _run_epoch(self, interruption: Interruption) -> None:
        leader = self._active[0][1]
        for batch in leader.batches_left():
            started = time.monotonic()
            losses, n_targets = self._take_step(batch, leader.position.step)
            # Each member's share, so that the sum over members is the time that was spent.
            seconds = (time.monotonic() - started) / len(self._active)
            for number, fit in self._active:
                if self.trimmed is not None and fit.trimmed is not None:
                    fit.trimmed.decay = self.trimmed.decay
                fit.count_step(losses[number], n_targets, seconds)
                fit.save_if_due(now=interruption.asked)
            if interruption.asked:
                raise KeyboardInterrupt
        for number, fit in self._active:
            try:
                fit.finish_epoch()
            except TrainingError as error:
                self.failed[number] = error
                fit.save_if_due(now=True)
        if self._active:
            self.first = self._active[0][1]

    def _take_step(self, batch: Sequence[int], step: int) -> tuple[list[float], int]:
        """Take one step with all members; return the summed loss of each, and the labelled positions."""
        stepper = self.first.stepper
        self._set_training()
        for group in self.optimizer.param_groups:
            group["lr"] = stepper.rate(group["peak_lr"], step)
        total = torch.zeros(len(self.fits), device=self.accelerator.device)
        n_targets = self.first.task.n_targets(self._collate(batch))
        for part in range(stepper.n_parts):
            losses = self._losses(batch, step, part)
            if losses is not None:
                (losses.sum() / max(1, n_targets)).backward()  # type: ignore[no-untyped-call]
                total += losses.detach()
        if stepper.max_grad_norm is not None:
            self.stack.clip_gradients(stepper.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if not self.has_moments:
            self.stack.share_moments(self.optimizer, [fit.stepper.optimizer for fit in self.fits])
            self.has_moments = True
        return total.tolist(), n_targets

    def _losses(
        self, batch: Sequence[int], step: int, part: int, *, one_by_one: bool = False
    ) -> Tensor | None:
        """Return the summed loss of each member on a part of a batch, ``(members,)``; None if it is empty."""
        stepper, task, device = self.first.stepper, self.first.task, self.accelerator.device
        indices = share_of_batch(batch, part, stepper.n_parts)
        if not indices:
            return None
        inputs = to_device(self._collate(indices), device)

        def loss(model: nn.Module) -> Tensor:
            with autocast(self.first.training.precision, device):
                output = forward_batch(model, inputs)
            return task.loss(output, inputs["labels"])

        if not one_by_one:
            seed_generators(stepper.dropout_seed(step, part), device)
            return self.stack.compute(loss)
        found = []
        for model in self.stack.models:
            seed_generators(stepper.dropout_seed(step, part), device)
            found.append(loss(model))
        return torch.stack(found)

    def _collate(self, indices: Sequence[int]) -> Batch:
        corpus = self.first.corpora["train"]
        return self.first.task.collate([corpus.encoded.examples[index] for index in indices], corpus.pad_id)

    def _set_training(self) -> None:
        for model in self.stack.models:
            model.train()
