"""The mean of a word's states, before a head reads it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class MeanOfPieces(nn.Module):
    """A head that reads the mean of each word's states where its first word-piece is.

    Attributes:
        head: Reads states ``(batch, tokens, hidden)``.
    """

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, states: Tensor, spans: Tensor, **for_head: Tensor) -> Any:
        """Return the head's output.

        Args:
            states: ``(batch, tokens, hidden)``.
            spans: ``(batch, tokens)``: where the mean goes that a token is part of; its own place if none.
            for_head: What the head takes besides states.
        """
        return self.head(mean_of_pieces(states, spans), **for_head)


def mean_of_pieces(states: Tensor, spans: Tensor) -> Tensor:
    """Return states with each word's mean where its first word-piece is.

    >>> states = torch.tensor([[[1.0], [2.0], [4.0], [9.0]]])
    >>> mean_of_pieces(states, torch.tensor([[0, 1, 1, 3]])).flatten().tolist()
    [1.0, 3.0, 0.0, 9.0]
    """
    total = torch.zeros_like(states).scatter_add(1, spans[:, :, None].expand_as(states), states)
    counts = torch.zeros_like(states[:, :, 0]).scatter_add(1, spans, torch.ones_like(states[:, :, 0]))
    return total / counts.clamp(min=1)[:, :, None]
