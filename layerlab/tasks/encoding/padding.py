"""Examples of unlike length as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from layerlab.tasks.encoding.examples import EncoderInput

if TYPE_CHECKING:
    from torch import Tensor


def pad(rows: Sequence[Sequence[float]], value: float) -> Tensor:
    """Return rows of numbers, all whole or none, as one tensor, filled up to the longest with a value."""
    import torch

    longest = max(map(len, rows))
    return torch.tensor([(*row, *[value] * (longest - len(row))) for row in rows])


def pad_inputs(examples: Sequence[EncoderInput], pad_id: int) -> dict[str, Tensor]:
    """Return ``input_ids`` and ``attention_mask``, ``(batch, tokens)``."""
    return {
        "input_ids": pad([example.input_ids for example in examples], pad_id),
        "attention_mask": pad([[1] * len(example.input_ids) for example in examples], 0),
    }


def pad_spans(spans: Sequence[Sequence[int]]) -> Tensor:
    """Return spans ``(batch, tokens)``; padding is its own.

    >>> pad_spans([(0, 1, 1), (0,)]).tolist()
    [[0, 1, 1], [0, 1, 2]]
    """
    import torch

    longest = max(map(len, spans))
    return torch.tensor([(*row, *range(len(row), longest)) for row in spans])
