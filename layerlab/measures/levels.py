"""The states that an encoder gives at every level: the output of the embeddings and of each layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from layerlab.errors import CheckpointError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def hidden_levels(base: PreTrainedModel, inputs: dict[str, Tensor]) -> Sequence[Tensor]:
    """Return the states of a batch at every level, each ``(batch, tokens, hidden)``, without a graph.

    Raises:
        CheckpointError: The model gives another number of levels than its configuration says.
    """
    with torch.no_grad():  # not inference mode: what a module caches must stay usable in training
        hidden: Sequence[Tensor] = base(**inputs, output_hidden_states=True).hidden_states
    expected = int(base.config.num_hidden_layers) + 1
    if len(hidden) != expected:
        raise CheckpointError(
            f"{type(base).__name__} gave {len(hidden)} hidden states, expected {expected}: the embeddings "
            "and every layer"
        )
    return hidden


@contextmanager
def frozen(base: PreTrainedModel) -> Iterator[None]:
    """Switch an encoder's dropout off inside a ``with`` block, where it was on."""
    training = [module for module in base.modules() if module.training]
    base.eval()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for module in training:
            module.training = True
