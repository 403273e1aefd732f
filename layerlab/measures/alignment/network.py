"""The task network of the transfer experiment: fresh Transformer layers below a task's own head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from layerlab.tasks.task import Batch, Encoded, Score, Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_WIDENED = 4  # inner width of a layer, in widths of the states


class TaskNetwork(nn.Module):
    """Transformer layers without dropout, and a head.

    Attributes:
        layers: The layers.
        head: The task's head.
    """

    def __init__(self, hidden_size: int, n_layers: int, n_heads: int, head: nn.Module) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            hidden_size, n_heads, _WIDENED * hidden_size, dropout=0.0, activation="gelu", batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=False)
        self.head = head

    def forward(self, states: Tensor, lengths: Tensor, **for_head: Tensor) -> Any:
        """Return the head's output.

        Args:
            states: ``(batch, tokens, hidden)``.
            lengths: Tokens of each example that are no padding, ``(batch,)``.
            for_head: What the head takes besides states.
        """
        places = torch.arange(states.shape[1], device=states.device)
        return self.head(self.layers(states, src_key_padding_mask=places >= lengths[:, None]), **for_head)


@dataclass(frozen=True)
class WithLayers:
    """A task whose head has Transformer layers below it; all else is the task's.

    Attributes:
        inner: The task.
        n_layers: Transformer layers.
        n_heads: Attention heads of each.
    """

    inner: Task
    n_layers: int
    n_heads: int

    #: The layers read all states.
    head_input = "all"

    @property
    def name(self) -> str:
        """The task's name."""
        return self.inner.name

    @property
    def version(self) -> int:
        """The task's version."""
        return self.inner.version

    @property
    def formats(self) -> tuple[str, ...]:
        """The task's formats."""
        return self.inner.formats

    @property
    def metric(self) -> str:
        """The task's metric."""
        return self.inner.metric

    def label_set(self, sentences: Sequence[Any]) -> tuple[str, ...]:
        """Return the task's classes."""
        return self.inner.label_set(sentences)

    def check(self, sentences: Sequence[Any], labels: Sequence[str], where: str) -> None:
        """Check as the task does."""
        self.inner.check(sentences, labels, where)

    def encode(
        self,
        sentences: Sequence[Any],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
    ) -> Encoded:
        """Return the task's examples."""
        return self.inner.encode(sentences, labels, tokenizer, max_length)

    def build_head(self, hidden_size: int, n_labels: int, dropout: float) -> nn.Module:
        """Build layers and head."""
        head = self.inner.build_head(hidden_size, n_labels, dropout)
        return TaskNetwork(hidden_size, self.n_layers, self.n_heads, head)

    def collate(self, examples: Sequence[Any], pad_id: int) -> Batch:
        """Return the task's batch with the ``lengths`` of its examples."""
        batch = self.inner.collate(examples, pad_id)
        return {**batch, "lengths": batch["attention_mask"].sum(dim=1)}

    def loss(self, output: Any, labels: Tensor) -> Tensor:
        """Return the task's loss."""
        return self.inner.loss(output, labels)

    def n_targets(self, batch: Batch) -> int:
        """Return how many terms the task's loss sums."""
        return self.inner.n_targets(batch)

    def decode(self, output: Any, batch: Batch, examples: Sequence[Any]) -> list[Any]:
        """Return the task's predictions."""
        return self.inner.decode(output, batch, examples)

    def score(self, sentences: Sequence[Any], labels: Sequence[str], decoded: Sequence[Any]) -> list[Score]:
        """Return the task's scores."""
        return self.inner.score(sentences, labels, decoded)
