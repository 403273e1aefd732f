"""One optimiser step of masked-LM pretraining, and its held-out losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from accelerate import Accelerator

from layerlab.finetuning.step import sum_gradients
from layerlab.pretraining.factors.parallel import PARALLEL
from layerlab.pretraining.head import Head, hidden_states
from layerlab.pretraining.text.batches import Masked, Order, mask, part_of
from layerlab.pretraining.text.unigram import SPECIAL_TOKENS

if TYPE_CHECKING:
    from layerlab.pretraining.spec import PretrainingSpec
    from layerlab.pretraining.text.corpus import Tokens
    from layerlab.pretraining.text.material import Material

_LARGEST_GRADIENT_NORM = 1.0
# Held-out masks have a stream of their own: no step has this number.
_HELD_OUT_OFFSET = 2**31
# Between the dropout streams of a step's parts: more than there are steps.
_PART_OFFSET = 2**40


@dataclass(frozen=True)
class Parts:
    """A pretraining's parts, ready to make steps."""

    spec: PretrainingSpec
    material: Material
    order: Order
    model: Any
    head: Head
    optimizer: torch.optim.Optimizer
    accelerator: Accelerator

    @property
    def dtype(self) -> torch.dtype:
        """In which matrices are multiplied."""
        return torch.bfloat16 if self.mixed else torch.float32

    @property
    def mixed(self) -> bool:
        """Whether matrices are multiplied in bf16."""
        if self.spec.precision == "auto":
            return self.accelerator.device.type == "cuda" and bool(torch.cuda.is_bf16_supported())
        return self.spec.precision == "bf16"


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
    """Make one step and return its loss, in nats per predicted token.

    The step's sequences are cut into parts, to save memory or for several processes; each process takes
    every so many of them, and gradients are summed, so that the step is that of the whole.
    """
    spec, model, optimizer = parts.spec, parts.model, parts.optimizer
    n_processes = int(parts.accelerator.num_processes)
    model.train()
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(spec, step)
    masked = _mask(parts, parts.order.batch(step), step, parts.order.languages_of(step))
    optimizer.zero_grad(set_to_none=True)
    total = torch.zeros((), device=parts.accelerator.device)
    n_parts = max(spec.accumulate, n_processes)
    for part in range(parts.accelerator.process_index, n_parts, n_processes):
        own = part_of(masked, part, n_parts)
        if not len(own.positions):
            continue
        torch.manual_seed(spec.seed * 1_000_003 + step + part * _PART_OFFSET)  # dropout's stream
        loss = masked_loss(model, parts.head, own, mixed=parts.mixed)
        loss = loss * (len(own.positions) / len(masked.positions))
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    if n_processes > 1:
        sum_gradients(model, parts.accelerator)
        total = parts.accelerator.reduce(total, reduction="sum")
    torch.nn.utils.clip_grad_norm_(model.parameters(), _LARGEST_GRADIENT_NORM)
    optimizer.step()
    return total.item()


def masked_loss(model: Any, head: Head, masked: Masked, *, mixed: bool = False) -> torch.Tensor:
    """Return the mean cross-entropy of the predicted positions; only they reach the vocabulary."""
    device = next(model.parameters()).device
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed):
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
            masked = _mask(parts, rows, _HELD_OUT_OFFSET + start, [language] * len(rows))
            loss = masked_loss(parts.model, parts.head, masked, mixed=parts.mixed)
            total += loss.item() * len(masked.positions)
            n_predicted += len(masked.positions)
        losses[language] = total / n_predicted
    return losses


def _mask(parts: Parts, batch: Tokens, step: int, languages: Sequence[str]) -> Masked:
    tokenizer = parts.material.tokenizer
    return mask(
        batch,
        [_mask_rate(parts.spec, language) for language in languages],
        parts.spec.seed,
        step,
        n_special=len(SPECIAL_TOKENS),
        mask_id=tokenizer.mask_token_id,
        n_vocab=len(tokenizer),
    )


def _mask_rate(spec: PretrainingSpec, language: str) -> float:
    if language != PARALLEL or spec.parallel is None or spec.parallel.mask_rate is None:
        return spec.mask_rate
    return spec.parallel.mask_rate
