"""One optimiser step of masked-LM pretraining, and its held-out losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from layerlab.pretraining.batches import Masked, Order, mask
from layerlab.pretraining.head import Head, hidden_states
from layerlab.pretraining.tokenizer import SPECIAL_TOKENS

if TYPE_CHECKING:
    from layerlab.pretraining.corpus import Tokens
    from layerlab.pretraining.material import Material
    from layerlab.pretraining.spec import PretrainingSpec

_LARGEST_GRADIENT_NORM = 1.0
# Held-out masks have a stream of their own: no step has this number.
_HELD_OUT_OFFSET = 2**31


@dataclass(frozen=True)
class Parts:
    """A pretraining's parts, ready to make steps."""

    spec: PretrainingSpec
    material: Material
    order: Order
    model: Any
    head: Head
    optimizer: torch.optim.Optimizer


def learning_rate(spec: PretrainingSpec, step: int) -> float:
    """Return the rate of 0-based ``step``: linear warm-up, then linear decay to 0 after the last step."""
    if step < spec.warmup_steps:
        return spec.learning_rate * (step + 1) / spec.warmup_steps
    return spec.learning_rate * (spec.steps - step) / max(1, spec.steps - spec.warmup_steps)


def build_optimizer(model: Any, spec: PretrainingSpec) -> torch.optim.Optimizer:
    """Return AdamW with decay on matrices alone."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": spec.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=spec.learning_rate, betas=(0.9, 0.98), eps=1e-6, fused=True)


def train_step(parts: Parts, step: int) -> float:
    """Make one step and return its loss, in nats per predicted token."""
    spec, model, optimizer = parts.spec, parts.model, parts.optimizer
    model.train()
    torch.manual_seed(spec.seed * 1_000_003 + step)  # dropout's stream
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(spec, step)
    masked = _mask(parts, parts.order.batch(step), step)
    loss = masked_loss(model, parts.head, masked)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), _LARGEST_GRADIENT_NORM)
    optimizer.step()
    return loss.item()


def masked_loss(model: Any, head: Head, masked: Masked) -> torch.Tensor:
    """Return the mean cross-entropy of the predicted positions; only they reach the vocabulary."""
    device = next(model.parameters()).device
    states = hidden_states(model, torch.from_numpy(masked.input_ids).to(device))
    chosen = states.flatten(0, 1).index_select(0, torch.from_numpy(masked.positions).to(device))
    return torch.nn.functional.cross_entropy(head(chosen), torch.from_numpy(masked.targets).to(device))


@torch.no_grad()
def held_out_losses(parts: Parts) -> dict[str, float]:
    """Return the loss on each language's held-out sequences under masks that are always the same."""
    parts.model.eval()
    size, losses = parts.spec.batch_sequences, {}
    for language, packed in parts.material.packed.items():
        total = n_predicted = 0.0
        for start in range(0, len(packed.held_out), size):
            masked = _mask(parts, packed.held_out[start : start + size], _HELD_OUT_OFFSET + start)
            total += masked_loss(parts.model, parts.head, masked).item() * len(masked.positions)
            n_predicted += len(masked.positions)
        losses[language] = total / n_predicted
    return losses


def _mask(parts: Parts, batch: Tokens, step: int) -> Masked:
    tokenizer = parts.material.tokenizer
    return mask(
        batch,
        parts.spec.mask_rate,
        parts.spec.seed,
        step,
        n_special=len(SPECIAL_TOKENS),
        mask_id=tokenizer.mask_token_id,
        n_vocab=len(tokenizer),
    )
