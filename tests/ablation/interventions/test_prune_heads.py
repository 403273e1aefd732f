"""Heads that are pruned: what is left is what the library computes without them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from transformers import PreTrainedModel
from transformers.pytorch_utils import prune_linear_layer

from layerlab.ablation.apply import applied, apply
from layerlab.ablation.interventions import PruneHeads, Skip
from layerlab.errors import SelectionError
from layerlab.models.encoder import Encoder

Train = Callable[..., None]


def states(model: PreTrainedModel, inputs: dict[str, Tensor]) -> Tensor:
    model.train(False)
    with torch.no_grad():
        found: Tensor = model(**inputs).last_hidden_state
    return found


def head_columns(encoder: Encoder, layer: int, head: int) -> Tensor:
    """Return a head's columns of the projection that joins heads, a view."""
    joined: Any = encoder.layers[layer].get_submodule(encoder.anatomy.attention_output)
    size = joined.in_features // encoder.base.config.num_attention_heads
    columns: Tensor = joined.weight.detach()[:, head * size : (head + 1) * size]
    return columns


def test_a_pruned_head_is_one_whose_output_is_multiplied_by_zero(
    model: PreTrainedModel, inputs: dict[str, Tensor]
) -> None:
    zeroed = copy.deepcopy(model)
    for layer in (1, 2):
        head_columns(Encoder(zeroed), layer, 1).zero_()
    expected, before = states(zeroed, inputs), states(model, inputs)
    with applied(PruneHeads("1-2", heads=1), model):
        assert torch.allclose(states(model, inputs), expected, atol=1e-6)
    assert torch.equal(states(model, inputs), before)
    assert not torch.allclose(before, expected, atol=1e-3)


def test_it_equals_the_librarys_layers_without_the_heads_weights(
    bert: PreTrainedModel, inputs: dict[str, Tensor]
) -> None:
    smaller = copy.deepcopy(bert)
    attention: Any = Encoder(smaller).layers[1].attention
    size = attention.self.attention_head_size
    left: Any = torch.arange(size, attention.self.query.out_features)  # without head 0
    for name in ("query", "key", "value"):
        setattr(attention.self, name, prune_linear_layer(getattr(attention.self, name), left))
    attention.output.dense = prune_linear_layer(attention.output.dense, left, dim=1)
    apply(PruneHeads("1", heads=[0]), bert)
    assert torch.allclose(states(bert, inputs), states(smaller, inputs), atol=1e-6)


def test_without_any_head_attention_gives_its_bias_alone(
    bert: PreTrainedModel, inputs: dict[str, Tensor]
) -> None:
    dense: Any = Encoder(bert).layers[2].get_submodule("attention.output.dense")
    n_heads = bert.config.num_attention_heads
    with applied(PruneHeads("2", heads=f"0-{n_heads - 1}"), bert):
        pruned = states(bert, inputs)
    dense.bias.data.zero_()
    with applied(PruneHeads("2", heads=f"0-{n_heads - 1}"), bert):
        without_bias = states(bert, inputs)
    with applied(Skip("2", components="attention"), bert):
        assert torch.equal(states(bert, inputs), without_bias)
    assert not torch.allclose(pruned, without_bias)


def test_a_pruned_head_learns_nothing_and_the_others_do(bert: PreTrainedModel, train: Train) -> None:
    encoder = Encoder(bert)
    apply(PruneHeads("1", heads=0), bert)
    gone, kept = head_columns(encoder, 1, 0).clone(), head_columns(encoder, 1, 1).clone()
    query: Any = encoder.layers[1].get_submodule("attention.self.query")
    rows = query.weight.detach().clone()
    train(bert, torch.optim.AdamW(bert.parameters(), lr=1e-2, weight_decay=0), 2)
    assert torch.equal(head_columns(encoder, 1, 0), gone)
    assert not torch.equal(head_columns(encoder, 1, 1), kept)
    size = len(rows) // bert.config.num_attention_heads
    assert torch.equal(query.weight.detach()[:size], rows[:size])
    assert not torch.equal(query.weight.detach()[size:], rows[size:])


def test_the_receipt_lists_the_attention_of_the_layers(bert: PreTrainedModel) -> None:
    receipt = apply(PruneHeads("0,2", heads="0"), bert)
    assert set(receipt.parameters) == set(Encoder(bert).parameters("0,2", "attention"))
    assert receipt.intervention == {"prune_heads": {"layers": "0,2", "heads": "0"}}
    assert receipt.digest_before == receipt.digest_after


def test_heads_have_one_spelling() -> None:
    assert PruneHeads("0", heads=[3, 0, 1]) == PruneHeads("0", heads="0-1,3")
    assert PruneHeads("0", heads="0,1,2-4").heads == "0-4"


@pytest.mark.parametrize("heads", ["", [], "first", "3-1", -1, [0.5]])
def test_what_are_no_heads_is_refused(heads: Any) -> None:
    with pytest.raises(ValidationError, match="expected numbers from 0, such as 0"):
        PruneHeads("0", heads=heads)


def test_a_head_that_does_not_exist_is_refused_and_so_are_embeddings(bert: PreTrainedModel) -> None:
    n_heads = bert.config.num_attention_heads
    with pytest.raises(SelectionError, match=f"head {n_heads} does not exist: there are {n_heads}, from 0"):
        apply(PruneHeads("0", heads=n_heads), bert)
    with pytest.raises(ValidationError, match="embeddings have no attention heads"):
        PruneHeads("embeddings,0", heads=0)
