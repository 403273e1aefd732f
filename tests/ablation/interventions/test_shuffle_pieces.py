"""Embeddings of word-pieces that change places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedModel

from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import ShufflePieces
from layerlab.ablation.interventions.donors import Donors
from layerlab.errors import DonorError, SelectionError
from layerlab.models.encoder import Encoder

StateOf = Callable[[PreTrainedModel], dict[str, Tensor]]
Changed = Callable[[dict[str, Tensor], dict[str, Tensor]], set[str]]


def matrix(model: PreTrainedModel) -> Tensor:
    weight: Any = model.get_input_embeddings().weight
    return weight.detach().clone()  # type: ignore[no-any-return]


def moved(before: Tensor, after: Tensor) -> set[int]:
    """Return the rows that differ."""
    return set(torch.nonzero((before != after).any(dim=1)).flatten().tolist())


def test_the_matrix_keeps_its_rows_and_nothing_else_changes(
    model: PreTrainedModel, state_of: StateOf, changed: Changed
) -> None:
    before, states = matrix(model), state_of(model)
    receipt = apply(ShufflePieces(pieces="5-30", seed=1), model)
    after = matrix(model)
    assert moved(before, after) <= set(range(5, 31))
    assert len(moved(before, after)) > 13
    assert torch.equal(torch.sort(before, dim=0).values, torch.sort(after, dim=0).values)
    assert len(changed(states, state_of(model))) == receipt.n_changed == 1
    assert receipt.n_values == before.numel()


def test_special_pieces_and_rows_without_piece_stay(tiny_encoder: Path) -> None:
    encoder = Encoder.from_pretrained(str(tiny_encoder))
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    before = matrix(encoder.base)
    apply(ShufflePieces(), encoder, donors=Donors(seed=3))
    found = moved(before, matrix(encoder.base))
    assert not found & set(tokenizer.all_special_ids)
    assert len(found) > len(tokenizer) / 2


def test_the_seed_draws_the_order(bert: PreTrainedModel, load: Callable[[Path], PreTrainedModel]) -> None:
    first = load(Path(bert.config._name_or_path))
    second = load(Path(bert.config._name_or_path))
    third = load(Path(bert.config._name_or_path))
    apply(ShufflePieces(pieces="2-9", seed=1), first)
    apply(ShufflePieces(pieces=range(2, 10)), second, donors=Donors(seed=1))
    apply(ShufflePieces(pieces="2-9"), third, donors=Donors(seed=2))
    assert torch.equal(matrix(first), matrix(second))
    assert not torch.equal(matrix(first), matrix(third))
    assert moved(matrix(bert), matrix(first)) <= set(range(2, 10))


def test_two_pieces_always_change_places(bert: PreTrainedModel) -> None:
    before = matrix(bert)
    apply(ShufflePieces(pieces=[3, 7], seed=0), bert)
    assert torch.equal(matrix(bert)[3], before[7])
    assert torch.equal(matrix(bert)[7], before[3])


def test_what_cannot_be_shuffled_is_refused(bert: PreTrainedModel) -> None:
    n_pieces = len(matrix(bert))
    with pytest.raises(SelectionError, match=f"piece {n_pieces} does not exist: there are"):
        apply(ShufflePieces(pieces=[0, n_pieces], seed=0), bert)
    with pytest.raises(SelectionError, match="piece 4 alone cannot be shuffled"):
        apply(ShufflePieces(pieces=4, seed=0), bert)
    with pytest.raises(ValidationError, match="pieces are in the embeddings; leave layers out"):
        ShufflePieces("0", pieces="0-3")
    with pytest.raises(DonorError, match="random weights need a seed"):
        apply(ShufflePieces(pieces="0-3"), bert)
