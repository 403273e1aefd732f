"""One optimiser step of masked-LM pretraining, and its held-out losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from layerlab.pretraining.head import Head, hidden_states
from layerlab.pretraining.material import Material
from layerlab.pretraining.spec import PretrainingSpec
from layerlab.pretraining.text.batches import Masked, Order, mask, part_of
from layerlab.pretraining.text.corpus import Tokens
from layerlab.pretraining.text.unigram import SPECIAL_TOKENS
from layerlab.training.devices import autocast
from layerlab.training.optimizer import build_optimizer
from layerlab.training.schedule import linear_rate
from layerlab.training.step import PartLoss, Stepper
from layerlab.training.streams import masks_stream, pretraining_dropout_seed

_LARGEST_GRADIENT_NORM = 1.0


@dataclass(frozen=True)
class Parts:
    """A pretraining's parts, ready for its steps."""

    spec: PretrainingSpec
    material: Material
    order: Order
    model: Any
    head: Head
    accelerator: Accelerator


def make_stepper(parts: Parts) -> Stepper:
    """Return what takes the steps of a pretraining, with its optimiser."""
    spec = parts.spec
    rates = ((parts.model, spec.learning_rate),)
    return Stepper(
        parts.model,
        build_optimizer(rates, spec.weight_decay, betas=(0.9, 0.98), eps=1e-6, fused=True),
        parts.accelerator,
        accumulate=spec.accumulate,
        rate=partial(linear_rate, n_steps=spec.steps, n_warmup=spec.warmup_steps),
        dropout_seed=partial(pretraining_dropout_seed, spec.seed),
        max_grad_norm=_LARGEST_GRADIENT_NORM,
    )


def train_step(stepper: Stepper, parts: Parts, step: int) -> float:
    """Take a 0-based step and return its loss, in nats per predicted token."""
    batch, languages = parts.order.batch(step), parts.order.languages_of(step)
    masked = _mask(parts, batch, languages, masks_stream(parts.spec.seed, step))

    def loss_of_part(model: nn.Module, part: int) -> PartLoss | None:
        own = part_of(masked, part, stepper.n_parts)
        if not len(own.positions):
            return None
        loss = masked_loss(model, parts.head, own, parts.spec.precision)
        loss = loss * (len(own.positions) / len(masked.positions))
        return PartLoss(loss, loss)

    return stepper.take(loss_of_part, step)


def masked_loss(model: Any, head: Head, masked: Masked, precision: str = "fp32") -> torch.Tensor:
    """Return the mean cross-entropy of the predicted positions; only they reach the vocabulary."""
    device = next(model.parameters()).device
    with autocast(precision, device):
        states = hidden_states(model, torch.from_numpy(masked.input_ids).to(device))
        chosen = states.flatten(0, 1).index_select(0, torch.from_numpy(masked.positions).to(device))
        logits = head(chosen)
    return torch.nn.functional.cross_entropy(logits.float(), torch.from_numpy(masked.targets).to(device))


@torch.no_grad()
def held_out_losses(parts: Parts) -> dict[str, float]:
    """Return the loss on each language's held-out sequences under masks that are always the same."""
    parts.model.eval()
    size, losses = parts.spec.batch_sequences, {}
    for language, packed in parts.material.packed.items():
        total = n_predicted = 0.0
        for start in range(0, len(packed.held_out), size):
            rows = packed.held_out[start : start + size]
            stream = masks_stream(parts.spec.seed, start, held_out=True)
            masked = _mask(parts, rows, [language] * len(rows), stream)
            loss = masked_loss(parts.model, parts.head, masked, parts.spec.precision)
            total += loss.item() * len(masked.positions)
            n_predicted += len(masked.positions)
        losses[language] = total / n_predicted
    return losses


def _mask(parts: Parts, batch: Tokens, languages: Sequence[str], stream: np.random.Generator) -> Masked:
    tokenizer, rates = parts.material.tokenizer, parts.spec.mask_rates()
    return mask(
        batch,
        [rates[language] for language in languages],
        stream,
        n_special=len(SPECIAL_TOKENS),
        mask_id=tokenizer.mask_token_id,
        n_vocab=len(tokenizer),
    )
