"""Linear heads: on every state, or on the first token's."""

from __future__ import annotations

from torch import Tensor, nn


def linear_head(hidden_size: int, n_labels: int, dropout: float) -> nn.Sequential:
    """Build dropout and a linear layer."""
    return nn.Sequential(nn.Dropout(dropout), _linear(hidden_size, n_labels))


class PairHead(nn.Module):
    """A linear head on the last state of the first special token."""

    def __init__(self, hidden_size: int, n_labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = _linear(hidden_size, n_labels)

    def forward(self, states: Tensor) -> Tensor:
        """Map ``(batch, tokens, hidden)`` to ``(batch, labels)``."""
        logits: Tensor = self.linear(self.dropout(states[:, 0]))
        return logits


def _linear(hidden_size: int, n_labels: int) -> nn.Linear:
    """Build a linear layer, weights from N(0, 0.02) and zero bias."""
    linear = nn.Linear(hidden_size, n_labels)
    nn.init.normal_(linear.weight, std=0.02)
    nn.init.zeros_(linear.bias)
    return linear
