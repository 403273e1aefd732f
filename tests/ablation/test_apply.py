from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, MPNetModel, PreTrainedModel

from layerlab.ablation.apply import applied, apply
from layerlab.ablation.interventions import (
    Freeze,
    Permute,
    Reset,
    Scale,
    Skip,
    Unfreeze,
    from_dict,
    intervention,
    kinds,
)
from layerlab.ablation.interventions.donors import Donors
from layerlab.ablation.interventions.notation import Components, Selection
from layerlab.errors import DonorError, LayerlabError, NoEffectError, SelectionError, StudyError
from layerlab.models import anatomy
from layerlab.models.anatomy import Anatomy, register_anatomy
from layerlab.models.encoder import Encoder

StateOf = Callable[[PreTrainedModel], dict[str, Tensor]]
Changed = Callable[[dict[str, Tensor], dict[str, Tensor]], set[str]]
ALL = (
    Reset("0", seed=0),
    Scale("1", factor=0.5),
    Freeze("0-2", dropout=False),
    Permute("1-2", order=(2, 1)),
    Skip("3"),
)


def snapshot(model: PreTrainedModel) -> dict[str, Any]:
    """Everything that an ablation may touch, hooks included."""
    modules = dict(model.named_modules())
    return {
        "requires_grad": [parameter.requires_grad for parameter in model.parameters()],
        "training": [module.training for module in modules.values()],
        "hooks": [(list(m._forward_hooks), list(m._forward_pre_hooks)) for m in modules.values()],
        "kwargs": [
            (list(m._forward_hooks_with_kwargs), list(m._forward_hooks_always_called))
            for m in modules.values()
        ],
        "parameters": [id(parameter) for parameter in model.parameters()],
    }


@pytest.mark.parametrize("fails", [False, True])
def test_applied_restores_bit_for_bit(
    fails: bool, model: PreTrainedModel, state_of: StateOf, changed: Changed, inputs: dict[str, Tensor]
) -> None:
    model.train()
    Encoder(model).layers[0].eval()
    next(iter(Encoder(model).parameters("2").values())).requires_grad_(False)
    before, around = state_of(model), snapshot(model)

    def body() -> None:
        with applied(ALL, model) as receipts:
            assert len(receipts) == len(ALL)
            assert changed(before, state_of(model)) == set(Encoder(model).parameters("0-2"))
            assert snapshot(model) != around
            model.train(False)
            model(**inputs)
            model.requires_grad_(True)
            if fails:
                raise RuntimeError("the body fails")

    if fails:
        with pytest.raises(RuntimeError, match="the body fails"):
            body()
    else:
        body()
    assert changed(before, state_of(model)) == set()
    assert snapshot(model) == around


def test_applied_undoes_training_of_what_an_edit_selects_though_the_edit_left_it_as_it_was(
    bert: PreTrainedModel, state_of: StateOf, changed: Changed, train: Callable[..., None]
) -> None:
    with torch.no_grad():
        next(iter(Encoder(bert).parameters("1").values())).add_(1.0)
    before = state_of(bert)
    with applied(Reset("1", to="pretrained"), bert) as (receipt,):
        assert receipt.n_changed == 1
        train(bert, torch.optim.SGD(bert.parameters(), lr=0.1))
        assert len(changed(before, state_of(bert)) & set(receipt.parameters)) > 1
    stays = changed(before, state_of(bert))
    assert stays, "what training did elsewhere stays"
    assert not stays & set(receipt.parameters)


def test_a_sequence_that_fails_leaves_the_model_as_it_was(
    bert: PreTrainedModel, state_of: StateOf, changed: Changed
) -> None:
    before, around = state_of(bert), snapshot(bert)
    for carry_out in (apply, lambda *args: applied(*args).__enter__()):
        with pytest.raises(SelectionError, match="no layer 9"):
            carry_out((Reset("0", seed=0), Freeze("1"), Skip("9")), bert)
        assert changed(before, state_of(bert)) == set()
        assert snapshot(bert) == around


def test_parameters_are_written_in_place(model: PreTrainedModel) -> None:
    before = [(id(parameter), parameter.data_ptr()) for parameter in model.parameters()]
    apply(Reset("embeddings,all", seed=0), model)
    assert [(id(parameter), parameter.data_ptr()) for parameter in model.parameters()] == before
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())


def test_edits_compute_without_changing_anything(
    bert: PreTrainedModel, state_of: StateOf, changed: Changed
) -> None:
    before, around = state_of(bert), snapshot(bert)
    for item in (Reset("0", seed=0), Scale("1", factor=0.5), Permute("1-2", order=(2, 1))):
        values = item.weights(Encoder(bert), Donors())
        assert changed(before, state_of(bert)) == set()
        apply(item, bert)
        assert all(torch.equal(dict(bert.named_parameters())[name], value) for name, value in values.items())
        before = state_of(bert)
    assert snapshot(bert) == around


def test_weights_keep_the_precision_of_the_model(bert: PreTrainedModel) -> None:
    nn.Module.to(bert, torch.bfloat16)
    receipt = apply(Reset("0", seed=0), bert)
    assert bert.dtype == torch.bfloat16
    assert receipt.digest_before != receipt.digest_after
    with pytest.raises(NoEffectError, match="bit for bit"):
        apply(Reset("0", seed=0), bert)


def test_a_receipt_says_what_was_touched(bert: PreTrainedModel) -> None:
    receipt = apply(Reset("0-1", seed=0, components="norm"), bert)
    assert receipt.intervention == {
        "reset": {"layers": "0-1", "to": "random", "init": "library", "seed": 0, "components": ["norm"]}
    }
    assert receipt.parameters == tuple(Encoder(bert).parameters("0-1", "norm"))
    assert (receipt.n_values, receipt.n_changed) == (2 * 2 * 2 * 32, 8)
    assert receipt.undo is None
    plain = receipt.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert "undo" not in plain
    assert apply(Reset("2", seed=0), bert).digest_before != receipt.digest_before


def test_a_sequence_gives_receipts_in_order(bert: PreTrainedModel) -> None:
    receipts = apply([Reset("0", seed=0), Freeze("0")], bert)
    assert [next(iter(receipt.intervention)) for receipt in receipts] == ["reset", "freeze"]
    assert receipts[0].digest_after == receipts[1].digest_before
    assert apply([], bert) == ()


@intervention("test-zero", phases=("before", "after"))
class Zero:
    """Set weights to zero."""

    layers: Selection
    components: Components = ()  # type: ignore[assignment]

    def weights(self, encoder: Encoder, donors: Donors) -> dict[str, Tensor]:
        return {n: torch.zeros_like(p) for n, p in encoder.parameters(self.layers, self.components).items()}


@intervention("test-quiet")
class Quiet:
    """Halve what layers give."""

    layers: Selection

    def hold(self, encoder: Encoder) -> Callable[[], None]:
        handles = [
            m.register_forward_hook(lambda _m, _a, output: output * 0.5) for m in encoder.modules(self.layers)
        ]

        def undo() -> None:
            for handle in handles:
                handle.remove()

        return undo


def test_a_users_edit_works_as_the_built_in_ones_do(
    model: PreTrainedModel, state_of: StateOf, changed: Changed
) -> None:
    before = state_of(model)
    item = from_dict({"test-zero": {"layers": "1", "components": "ffn"}})
    assert item == Zero("1", components="ffn")
    with applied(item, model):
        assert changed(before, state_of(model)) == set(Encoder(model).parameters("1", "ffn"))
    assert changed(before, state_of(model)) == set()
    apply(item, model)
    with pytest.raises(NoEffectError, match="Zero"):
        apply(item, model)


def test_a_users_standing_intervention_works(bert: PreTrainedModel, inputs: dict[str, Tensor]) -> None:
    with torch.no_grad():
        whole = bert(**inputs).last_hidden_state
        with applied(Quiet("3"), bert):
            assert torch.equal(bert(**inputs).last_hidden_state, whole * 0.5)
        assert torch.equal(bert(**inputs).last_hidden_state, whole)


def test_a_users_architecture_works_as_the_known_ones_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inputs: dict[str, Tensor]
) -> None:
    monkeypatch.setattr(anatomy, "_ANATOMIES", dict(anatomy._ANATOMIES))
    mpnet = Anatomy(
        "encoder.layer",
        shared=("encoder.relative_attention_bias",),
        top=("pooler",),
        attention=("attention",),
        ffn=("intermediate", "output"),
        attention_output="attention.attn.o",
        ffn_output="output.dense",
    )
    register_anatomy("mpnet", mpnet)
    config: Any = AutoConfig.for_model(
        "mpnet",
        vocab_size=40,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
    )
    MPNetModel(config).save_pretrained(tmp_path)
    model: PreTrainedModel = MPNetModel.from_pretrained(tmp_path)
    loaded = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    receipt = apply(Reset("0", seed=3, components="attention"), model)
    assert receipt.n_changed == sum(".layer.0.attention.attn." in n and n.endswith("weight") for n in loaded)
    with torch.no_grad(), applied(Skip("0-1"), model):
        states = model(**inputs, output_hidden_states=True).hidden_states
    assert torch.equal(states[0], states[2])
    apply(Freeze("1"), model)
    assert not any(parameter.requires_grad for parameter in Encoder(model).parameters("1").values())


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"encoder.layer.0.nothing": torch.zeros(1)}, DonorError, "no parameter encoder.layer.0.nothing"),
        (
            {"encoder.layer.0.output.dense.bias": torch.zeros(5)},
            DonorError,
            r"is \(32,\), the donor's is \(5,\)",
        ),
        ({}, NoEffectError, "touches no parameter"),
    ],
)
def test_a_users_mistakes_are_found_before_anything_is_written(
    values: Mapping[str, Tensor],
    error: type[LayerlabError],
    message: str,
    bert: PreTrainedModel,
    state_of: StateOf,
    changed: Changed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = {"encoder.layer.1.output.dense.bias": torch.ones(32)} if values else {}
    monkeypatch.setattr(Zero, "weights", lambda self, encoder, donors: {**good, **values})
    before = state_of(bert)
    with pytest.raises(error, match=message):
        apply(Zero("0"), bert)
    assert changed(before, state_of(bert)) == set()


def test_what_is_no_intervention_is_refused(bert: PreTrainedModel) -> None:
    with pytest.raises(StudyError, match="'reset' is no intervention"):
        apply(("reset",), bert)  # type: ignore[arg-type]


def test_nothing_frozen_is_nothing_to_unfreeze(bert: PreTrainedModel) -> None:
    with (
        pytest.raises(NoEffectError, match="no parameter it selects is frozen"),
        applied(Unfreeze("0"), bert),
    ):
        pass


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(kinds, "_KINDS", dict(kinds._KINDS))


def test_a_saved_model_loads_with_its_ablated_weights(
    bert: PreTrainedModel,
    load: Callable[[Path], PreTrainedModel],
    tmp_path: Path,
    state_of: StateOf,
    changed: Changed,
) -> None:
    apply((Reset("0", seed=0), Freeze("1", dropout=False), Skip("2")), bert)
    bert.save_pretrained(tmp_path)
    assert changed(state_of(bert), state_of(load(tmp_path))) == set()
