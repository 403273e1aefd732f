"""The optimiser step of a fine-tuning, and the loss of one part of its batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from accelerate import Accelerator
from torch import nn

from layerlab.finetuning.evaluation import to_device
from layerlab.finetuning.model import Batch, Pass, TaskModel, plain_pass
from layerlab.finetuning.starting_point import StartingPoint
from layerlab.finetuning.training import Training
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task
from layerlab.training.batching import share_of_batch
from layerlab.training.devices import autocast
from layerlab.training.optimizer import build_optimizer
from layerlab.training.schedule import rate_factor
from layerlab.training.step import PartLoss, Stepper
from layerlab.training.streams import dropout_seed


def make_stepper(
    model: TaskModel, training: Training, seed: int, accelerator: Accelerator, n_steps: int
) -> Stepper:
    """Return what takes the steps of a fine-tuning that starts from the model's present weights.

    The head may have a learning rate of its own.
    """
    head_rate = training.head_learning_rate or training.learning_rate
    penalty = StartingPoint.of(model.encoder, training.l2_sp).add_gradients if training.l2_sp else None
    parts = ((model.encoder, training.learning_rate), (model.head, head_rate))
    return Stepper(
        model,
        build_optimizer(parts, training.weight_decay),
        accelerator,
        accumulate=training.accumulate,
        rate=lambda peak, step: peak * rate_factor(step, n_steps, training.warmup),
        dropout_seed=partial(dropout_seed, seed),
        max_grad_norm=training.max_grad_norm,
        add_penalty=penalty,
    )


def take_step(
    stepper: Stepper,
    task: Task,
    corpus: EncodedCorpus,
    batch: Sequence[int],
    step: int,
    precision: str,
    forward: Pass = plain_pass,
) -> tuple[float, int]:
    """Take one step; return the summed loss and the number of labelled positions of the whole batch."""
    device = stepper.accelerator.device

    def collated(indices: Sequence[int]) -> Batch:
        return task.collate([corpus.encoded.examples[index] for index in indices], corpus.pad_id)

    def loss_of_part(model: nn.Module, part: int) -> PartLoss | None:
        indices = share_of_batch(batch, part, stepper.n_parts)
        if not indices:
            return None
        inputs = to_device(whole if stepper.n_parts == 1 else collated(indices), device)
        with autocast(precision, device):
            output = forward(model, inputs, corpus, indices)
        loss = task.loss(output, inputs["labels"])
        return PartLoss(loss / max(1, n_targets), loss)

    whole = collated(batch)
    n_targets = task.n_targets(whole)
    return stepper.take(loss_of_part, step), n_targets
