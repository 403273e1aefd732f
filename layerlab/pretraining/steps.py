"""One optimiser step of masked-LM pretraining, and its held-out losses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import nn

from layerlab.models.by_language.views import Views
from layerlab.models.encoder import Encoder
from layerlab.pretraining.head import Head, head_of, hidden_states
from layerlab.pretraining.material import Material
from layerlab.pretraining.spec import PretrainingSpec
from layerlab.pretraining.text.batches import Masked, Order, drawn_within, mask, part_of, rows_of, share_of
from layerlab.pretraining.text.corpus import Tokens
from layerlab.pretraining.text.unigram import SPECIAL_TOKENS
from layerlab.training.devices import autocast
from layerlab.training.optimizer import build_optimizer
from layerlab.training.schedule import linear_rate
from layerlab.training.step import PartLoss, Stepper
from layerlab.training.streams import masks_stream, pretraining_dropout_seed

_LARGEST_GRADIENT_NORM = 1.0


@dataclass(frozen=True)
class Speakers:
    """The models of all languages, where some parts are separate.

    Attributes:
        views: The models.
        trained: All of them as one module.
        heads: Language to its model's head.
        pieces: Language to the pieces of its text, ascending, where it has embeddings of its own.
    """

    views: Views
    trained: nn.Module
    heads: Mapping[str, Head]
    pieces: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    @classmethod
    def of(cls, views: Views, material: Material) -> Speakers:
        """Return models with what steps need of them."""
        pieces: dict[str, NDArray[np.int64]] = {}
        weights = {id(model.get_input_embeddings().weight) for model in views.models.values()}
        if len(weights) > 1:
            for language in views.models:
                seen = np.unique(material.packed[language].train).astype(np.int64)
                pieces[language] = seen[seen >= len(SPECIAL_TOKENS)]
        trained = nn.ModuleList(views.models.values())
        return cls(views, trained, {one: head_of(model) for one, model in views.models.items()}, pieces)


@dataclass(frozen=True)
class Parts:
    """A pretraining's parts, ready for its steps.

    Attributes:
        spec: What is pretrained.
        material: Tokenizer and sequences.
        order: Which sequences each step sees.
        model: The model; where some parts are separate, that of the first language.
        head: Its head.
        accelerator: Device and processes.
        speakers: The models of all languages, where some parts are separate; None where all is shared.
    """

    spec: PretrainingSpec
    material: Material
    order: Order
    model: Any
    head: Head
    accelerator: Accelerator
    speakers: Speakers | None = None

    @property
    def trained(self) -> nn.Module:
        """All that learns."""
        module: nn.Module = self.model if self.speakers is None else self.speakers.trained
        return module

    @property
    def encoder(self) -> Encoder:
        """The encoder as layers, which speaks every language."""
        return Encoder(self.model) if self.speakers is None else Encoder.of_views(self.speakers.views)

    def readers(self, masked: Masked, languages: Sequence[str]) -> Iterator[tuple[Any, Head, Masked]]:
        """Yield models and heads with the sequences that each reads, of those of some languages."""
        if self.speakers is None:
            yield self.model, self.head, masked
            return
        for language, model in self.speakers.views.models.items():
            own = rows_of(masked, [one == language for one in languages])
            if len(own.positions):
                yield model, self.speakers.heads[language], own


def make_stepper(parts: Parts) -> Stepper:
    """Return what takes the steps of a pretraining, with its optimiser."""
    spec = parts.spec
    rates = ((parts.trained, spec.learning_rate),)
    return Stepper(
        parts.trained,
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

    def loss_of_part(_: nn.Module, part: int) -> PartLoss | None:
        own = part_of(masked, part, stepper.n_parts)
        spoken = share_of(languages, part, stepper.n_parts)
        losses = []
        for model, head, read in parts.readers(own, spoken) if len(own.positions) else ():
            loss = masked_loss(model, head, read, parts.spec.precision)
            losses.append(loss * (len(read.positions) / len(masked.positions)))
        if not losses:
            return None
        total = losses[0] if len(losses) == 1 else torch.stack(losses).sum()
        return PartLoss(total, total)

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
    parts.trained.eval()
    size, losses = parts.spec.batch_sequences, {}
    for language, packed in parts.material.packed.items():
        total = n_predicted = 0.0
        for start in range(0, len(packed.held_out), size):
            rows = packed.held_out[start : start + size]
            stream = masks_stream(parts.spec.seed, start, held_out=True)
            masked = _mask(parts, rows, [language] * len(rows), stream)
            ((model, head, read),) = parts.readers(masked, [language] * len(rows))
            loss = masked_loss(model, head, read, parts.spec.precision)
            total += loss.item() * len(masked.positions)
            n_predicted += len(masked.positions)
        losses[language] = total / n_predicted
    return losses


def _mask(parts: Parts, batch: Tokens, languages: Sequence[str], stream: np.random.Generator) -> Masked:
    tokenizer, rates = parts.material.tokenizer, parts.spec.mask_rates()
    sizes = {"n_special": len(SPECIAL_TOKENS), "n_vocab": len(tokenizer), "mask_id": tokenizer.mask_token_id}
    replaced = parts.spec.random_replacement
    masked = mask(batch, [rates[language] for language in languages], stream, **sizes, replaced=replaced)
    if parts.speakers is None or not parts.speakers.pieces:
        return masked
    return drawn_within(masked, batch, [parts.speakers.pieces[language] for language in languages], **sizes)
