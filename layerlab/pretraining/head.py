"""A masked-LM model's own head, applied to the predicted positions alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from layerlab.errors import ArchitectureError

Head = Callable[[Tensor], Tensor]

# Chains of modules that lead from hidden states to logits, most specific first.
_CHAINS: tuple[tuple[str, ...], ...] = (
    ("cls",),
    ("lm_head",),
    ("head", "decoder"),
    ("generator_predictions", "generator_lm_head"),
    ("vocab_transform", "activation", "vocab_layer_norm", "vocab_projector"),
)


def head_of(model: nn.Module) -> Head:
    """Return the function from hidden states ``(positions, hidden)`` to logits ``(positions, vocabulary)``.

    It is checked once against the model's full forward pass.

    Raises:
        ArchitectureError: The head was not found, or does not give the model's own logits.
    """
    children = dict(model.named_children())
    for chain in _CHAINS:
        if all(name in children for name in chain):
            head = nn.Sequential(*(children[name] for name in chain))
            if _agrees(model, head):
                return head
    raise ArchitectureError(
        f"no masked-LM head found in {type(model).__name__}; it has {', '.join(children)}, "
        f"expected one of {'; '.join(' + '.join(chain) for chain in _CHAINS)}"
    )


def hidden_states(model: Any, input_ids: Tensor) -> Tensor:
    """Return the last hidden states, shape ``(batch, tokens, hidden)``, of sequences without padding."""
    states: Tensor = model.base_model(input_ids=input_ids).last_hidden_state
    return states


@torch.no_grad()
def _agrees(model: Any, head: Head) -> bool:
    """Whether ``head`` on two positions equals the model's own logits there."""
    was_training = model.training
    model.eval()
    try:
        device = next(model.parameters()).device
        input_ids = torch.arange(1, 7, device=device).reshape(1, 6)
        full = model(input_ids=input_ids).logits.reshape(6, -1)
        chosen = torch.tensor([1, 4], device=device)
        part = head(hidden_states(model, input_ids).reshape(6, -1)[chosen])
    finally:
        model.train(was_training)
    return part.shape == full[chosen].shape and torch.allclose(part, full[chosen], atol=1e-5)
