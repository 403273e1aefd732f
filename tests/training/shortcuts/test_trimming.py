"""An embedding matrix holds some of its rows for a while; what cannot be trimmed is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import PreTrainedModel

from layerlab.ablation.ablation import Timed
from layerlab.ablation.interventions import (
    Freeze,
    Rate,
    Reset,
    Scale,
    Selection,
    Swap,
    Unfreeze,
    intervention,
)
from layerlab.errors import TrainingError
from layerlab.models.encoder import Encoder
from layerlab.training.optimizer import build_optimizer
from layerlab.training.shortcuts.trimming import Trimming, TrimmingCase, leave_file, touched_rows, trimmed

ROWS = torch.tensor([0, 1, 2, 7, 9])


def refusal(model: nn.Module, encoder: Any, rows: torch.Tensor = ROWS, *during: Timed) -> str:
    return Trimming().refuses(TrimmingCase(model, encoder, rows, during))


def test_states_are_those_of_the_whole_matrix_on_every_architecture(model: PreTrainedModel) -> None:
    ids = torch.tensor([[1, 7, 9, 2], [1, 9, 2, 0]])
    mask = (ids != 0).long()
    embedding = model.get_input_embeddings()
    assert isinstance(embedding, nn.Embedding)
    whole, parameter = embedding.weight.detach().clone(), embedding.weight
    assert refusal(model, model) == ""
    with torch.no_grad():
        expected = model(input_ids=ids, attention_mask=mask).last_hidden_state
        with trimmed(embedding, ROWS) as held:
            assert held.weight.shape[0] == 5
            states = model(input_ids=ids, attention_mask=mask).last_hidden_state
        after = model(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.equal(states, expected)
    assert torch.equal(after, expected)
    assert embedding.weight is parameter
    assert torch.equal(embedding.weight, whole)


def test_padding_learns_nothing_and_the_others_learn_what_they_would(tmp_path: Path) -> None:
    rows = torch.tensor([1, 4, 5])
    plain, other = nn.Embedding(8, 3, padding_idx=4), nn.Embedding(8, 3, padding_idx=4)
    other.load_state_dict(plain.state_dict())
    ids = torch.tensor([4, 5, 5, 1])
    weights = torch.arange(12.0).view(4, 3)
    (plain(ids) * weights).sum().backward()
    with trimmed(other, rows, tmp_path / "new"):
        assert other.padding_idx == 1
        (other(ids) * weights).sum().backward()
        assert plain.weight.grad is not None
        assert other.weight.grad is not None
        assert torch.equal(other.weight.grad, plain.weight.grad[rows])
    assert other.padding_idx == 4
    assert other.weight.grad is None


def test_a_users_hooks_on_the_module_and_its_parameter_stay() -> None:
    embedding, seen = nn.Embedding(8, 3), []
    embedding.register_forward_hook(lambda *_: seen.append("module"))
    with trimmed(embedding, torch.tensor([1, 2])):
        optimizer = torch.optim.SGD(embedding.parameters(), lr=1.0)
        before = embedding.weight.detach().clone()
        embedding(torch.tensor([2])).sum().backward()
        optimizer.step()
        assert torch.equal(embedding.weight.detach(), before - torch.tensor([[0.0] * 3, [1.0] * 3]))
    assert seen == ["module"]
    assert embedding.weight.shape == (8, 3)


def test_decay_follows_the_steps_in_which_there_is_a_gradient() -> None:
    embedding = nn.Embedding(8, 3)
    with trimmed(embedding, torch.tensor([1, 2])) as held:
        held.follow(optimizer := build_optimizer([(embedding, 0.1)], weight_decay=0.5))
        for frozen in (False, True, False):
            embedding.weight.requires_grad_(not frozen)
            if not frozen:
                embedding(torch.tensor([2])).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        assert held.decay == pytest.approx(0.95**2)


def test_the_matrix_comes_back_after_an_error() -> None:
    embedding = nn.Embedding(8, 3)
    before = embedding.weight.detach().clone()
    with (
        pytest.raises(TrainingError, match="the model met piece 5"),
        trimmed(embedding, torch.tensor([1, 2])),
    ):
        embedding(torch.tensor([[1, 5]]))
    assert torch.equal(embedding.weight, before)
    assert torch.equal(embedding(torch.tensor([5])), before[5:6])


def test_loaded_parameters_leave_the_checkpoints_file(bert: PreTrainedModel) -> None:
    before = {name: parameter.clone() for name, parameter in bert.named_parameters()}
    parameters = list(bert.parameters())
    assert not any(one.untyped_storage().resizable() for one in parameters)
    leave_file(bert)
    assert all(one.untyped_storage().resizable() for one in parameters)
    assert all(torch.equal(before[name], one) for name, one in bert.named_parameters())
    assert all(one is two for one, two in zip(bert.parameters(), parameters, strict=True))


def test_special_pieces_and_padding_are_touched(bert: PreTrainedModel) -> None:
    assert touched_rows([(9, 7), (9, 30)], bert, 5).tolist() == [0, 1, 2, 5, 7, 9, 30]


def test_a_matrix_that_is_used_elsewhere_is_refused(bert: PreTrainedModel) -> None:
    head = nn.Linear(32, 40, bias=False)
    head.weight = bert.get_input_embeddings().weight  # type: ignore[assignment]
    model = nn.ModuleDict({"encoder": bert, "head": head})
    reason = "the embedding matrix is shared: encoder.embeddings.word_embeddings.weight, head.weight"
    assert refusal(model, bert) == reason


@pytest.mark.parametrize("name", ["max_norm", "scale_grad_by_freq", "sparse"])
def test_unusual_embeddings_are_refused(bert: PreTrainedModel, name: str) -> None:
    unusual: Any = {name: True}
    bert.set_input_embeddings(nn.Embedding(40, 32, **unusual))
    assert refusal(bert, bert) == f"the input embeddings have {name}"


def test_an_embedding_of_another_class_is_refused(bert: PreTrainedModel) -> None:
    class Other(nn.Embedding):
        pass

    bert.set_input_embeddings(Other(40, 32))
    assert refusal(bert, bert) == "the input embeddings are a Other, not a plain nn.Embedding"


def test_an_encoder_that_is_not_of_transformers_is_refused(bert: PreTrainedModel) -> None:
    class Own(type(bert)):  # type: ignore[misc]
        pass

    assert refusal(own := Own(bert.config), own).startswith("Own is not of transformers")


def test_a_gradient_with_hooks_is_refused(bert: PreTrainedModel) -> None:
    weight = bert.get_input_embeddings().weight
    weight.register_hook(lambda grad: grad * 2)  # type: ignore[operator]
    assert refusal(bert, bert) == "the gradient of the embeddings has hooks"


def test_where_nearly_all_rows_are_touched_nothing_is_trimmed(bert: PreTrainedModel) -> None:
    assert refusal(bert, bert, torch.arange(32)) == ""
    assert refusal(bert, bert, torch.arange(33)).startswith("33 of 40 rows are touched")


@intervention("shift", phases=("during",))
class Shift:
    layers: Selection

    def hold(self, encoder: Encoder) -> Callable[[], None]:
        return lambda: None


@pytest.mark.parametrize(
    "item", [Reset("embeddings"), Swap("embeddings,0", donor="x"),
             Scale("embeddings", factor=2.0), Shift("embeddings")]
)  # fmt: skip
def test_edits_and_unknown_interventions_on_the_embeddings_are_refused(
    bert: PreTrainedModel, item: Any
) -> None:
    assert "may change the embeddings during the training" in refusal(bert, bert, ROWS, Timed(0.5, item))


def test_freezes_and_rates_of_embeddings_and_edits_of_layers_are_not_refused(bert: PreTrainedModel) -> None:
    items = (
        Freeze("embeddings,0"),
        Unfreeze("embeddings"),
        Rate("embeddings", factor=0.5),
        Reset("0"),
        Shift("1"),
    )
    assert refusal(bert, bert, ROWS, *(Timed(0.5, item) for item in items)) == ""
