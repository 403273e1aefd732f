"""The head of sentence pairs: a linear classifier on the first token's state."""

from __future__ import annotations

from torch import Tensor, nn


class PairHead(nn.Module):
    """Dropout and a linear layer on the last state of the first special token.

    Weights are from N(0, 0.02), the bias is zero.

    Args:
        hidden_size: Width of the encoder.
        n_labels: Classes.
        dropout: Rate of dropout.
    """

    def __init__(self, hidden_size: int, n_labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(hidden_size, n_labels)
        nn.init.normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, states: Tensor) -> Tensor:
        """Map ``(batch, tokens, hidden)`` to ``(batch, labels)``."""
        logits: Tensor = self.linear(self.dropout(states[:, 0]))
        return logits
