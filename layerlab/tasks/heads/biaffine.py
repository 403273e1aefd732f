"""The biaffine head of a dependency parser: scores of heads and relations from the states of words."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

_AT_ONCE = 1 << 19  # scores of relations


class ArcScores(NamedTuple):
    """Scores of every word for every head; head 0 is the root.

    Attributes:
        heads: Logits ``(batch, words, 1 + words)``, the lowest number where there is no such head.
        relations: Logits ``(batch, words, relations, 1 + words)``: of the relation, if this were the head.
    """

    heads: Tensor
    relations: Tensor


class Projection(nn.Module):
    """A linear layer, a leaky ReLU and dropout that is the same for all words of a sentence."""

    def __init__(self, n_in: int, n_out: int, rate: float) -> None:
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.rate = rate
        nn.init.orthogonal_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, states: Tensor) -> Tensor:
        """Map ``(batch, words, in)`` to ``(batch, words, out)``."""
        projected = nn.functional.leaky_relu(self.linear(states), 0.1)
        return projected * dropout(torch.ones_like(projected[:, :1]), self.rate, self.training)


class BiaffineHead(nn.Module):
    """Biaffine scorers of heads and of relations on the last hidden states.

    The first special token stands for the root. Scorers start at zero, so that at first all trees are
    equally good. ``rate`` is the dropout of the projections.

    Reference: Dozat and Manning (2017), Deep Biaffine Attention for Neural Dependency Parsing; without their
        LSTM, as in Muller et al. (2021).
    """

    def __init__(
        self, hidden_size: int, n_relations: int, arc_size: int, relation_size: int, rate: float
    ) -> None:
        super().__init__()
        self.arc_of_word = Projection(hidden_size, arc_size, rate)
        self.arc_of_head = Projection(hidden_size, arc_size, rate)
        self.relation_of_word = Projection(hidden_size, relation_size, rate)
        self.relation_of_head = Projection(hidden_size, relation_size, rate)
        self.arc = nn.Parameter(torch.zeros(arc_size + 1, arc_size))
        self.relation = nn.Parameter(torch.zeros(relation_size + 1, n_relations, relation_size + 1))

    def forward(self, states: Tensor, words: Tensor) -> ArcScores:
        """Score heads and relations.

        Args:
            states: ``(batch, tokens, hidden)``.
            words: ``(batch, words)``: where the word-piece is that stands for each word; 0 beyond the last.
        """
        places = nn.functional.pad(words, (1, 0))  # the root is where the sentence begins
        nodes = states.gather(1, places[:, :, None].expand(-1, -1, states.shape[2]))
        own = nodes[:, 1:]
        heads = _with_one(self.arc_of_word(own)) @ self.arc @ self.arc_of_head(nodes).transpose(1, 2)
        n_relations = self.relation.shape[1]
        halfway = _with_one(self.relation_of_word(own)) @ self.relation.flatten(1)
        halfway = halfway.reshape(len(states), -1, self.relation.shape[2])
        relations = halfway @ _with_one(self.relation_of_head(nodes)).transpose(1, 2)
        absent = nn.functional.pad(words == 0, (1, 0))[:, None, :]
        own_head = torch.eye(words.shape[1], dtype=torch.bool, device=words.device)
        impossible = absent | nn.functional.pad(own_head, (1, 0))
        return ArcScores(
            heads.masked_fill(impossible, torch.finfo(heads.dtype).min),
            relations.reshape(len(states), words.shape[1], n_relations, -1),
        )


def tree_scores(output: ArcScores) -> Tensor:
    """Return the log-probability of each head and of the best relation to it.

    Returns:
        ``(batch, words, 1 + words)`` in float32.
    """
    logits = output.relations.detach().float()
    # A few sentences at a time stay in the processor's cache.
    n_at_once = max(1, _AT_ONCE // max(1, logits[0].numel()))
    of_relations = torch.cat([_best_relation(few) for few in torch.split(logits, n_at_once)])
    return output.heads.detach().float().log_softmax(dim=-1) + of_relations


def _best_relation(logits: Tensor) -> Tensor:
    """Return the log-probability of the best relation; torch.logsumexp would look for it once more."""
    return -(logits - logits.amax(dim=2, keepdim=True)).exp_().sum(dim=2).log_()


def _with_one(states: Tensor) -> Tensor:
    """Append a 1, whose weights are a bias."""
    return nn.functional.pad(states, (0, 1), value=1.0)
