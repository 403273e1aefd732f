"""Reset on loaded models: transformers makes the obvious way a silent no-op."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModel, AutoModelForTokenClassification, PreTrainedModel

from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import Reset
from layerlab.ablation.interventions.donors import Donors
from layerlab.errors import DonorError, NoEffectError
from layerlab.models.encoder import Encoder
from tests.fixtures.encoders import disturb

StateOf = Callable[[PreTrainedModel], dict[str, Tensor]]
Changed = Callable[[dict[str, Tensor], dict[str, Tensor]], set[str]]


def fresh_model(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        auto: Any = AutoModel
        made: PreTrainedModel = auto.from_config(model.config)
    return made


def test_reset_changes_a_loaded_layer_where_init_weights_does_not(
    model: PreTrainedModel, state_of: StateOf, changed: Changed
) -> None:
    encoder = Encoder(model)
    loaded = state_of(model)
    encoder.layers[1].apply(model._init_weights)
    assert changed(loaded, state_of(model)) == set(), (
        "transformers no longer skips loaded weights: say so in the docs"
    )
    receipt = apply(Reset("1", seed=7), model)
    assert changed(loaded, state_of(model)) == set(encoder.parameters("1")) == set(receipt.parameters)
    assert receipt.n_changed == len(receipt.parameters)


def test_a_reset_layer_is_the_layer_of_a_fresh_model(model: PreTrainedModel) -> None:
    apply(Reset("embeddings,1,3", seed=7), model)
    fresh = dict(fresh_model(model, 7).named_parameters())
    for name, parameter in Encoder(model).parameters("embeddings,1,3").items():
        assert torch.equal(parameter, fresh[name]), name


def test_parts_that_are_not_reset_stay_bit_identical(
    model: PreTrainedModel, state_of: StateOf, changed: Changed
) -> None:
    before = state_of(model)
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    apply(Reset("embeddings,2", seed=0), model)
    assert changed(before, state_of(model)) == set(Encoder(model).parameters("embeddings,2"))
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in model.named_buffers())


def test_no_pretraining_leaves_nothing_pretrained(
    model: PreTrainedModel, state_of: StateOf, changed: Changed
) -> None:
    disturb(Encoder(model).base, seed=5)
    before = state_of(model)
    receipt = apply(Reset("everything", seed=0), model)
    assert set(receipt.parameters) == {name for name, _ in Encoder(model).base.named_parameters()}
    assert changed(before, state_of(model)) == set(receipt.parameters)


def expected_std(architecture: str, name: str) -> float:
    """The standard deviation that an architecture's own initialiser gives a matrix of a layer."""
    if architecture != "modernbert":
        return 0.02
    std = 0.02 / math.sqrt(2 * 4) if ".Wo." in name else 0.02
    return std * 0.8796  # Normal, cut off at two standard deviations.


@pytest.mark.parametrize("init", ["library", "torch"])
def test_a_reset_layer_has_the_moments_of_its_initialiser(
    architecture: str, model: PreTrainedModel, init: Any
) -> None:
    apply(Reset("0-3", init=init, seed=1), model)
    encoder = Encoder(model)
    norms = encoder.parameters("0-3", "norm")
    for name, parameter in encoder.parameters("0-3").items():
        if name in norms:
            assert torch.all(parameter == (0.0 if name.endswith("bias") else 1.0)), name
        elif parameter.ndim == 2:
            std = (
                expected_std(architecture, name)
                if init == "library"
                else 1 / math.sqrt(3 * parameter.shape[1])
            )
            assert parameter.std().item() == pytest.approx(std, rel=0.1), name
            assert abs(parameter.mean().item()) < 0.2 * std, name
        elif init == "library":
            assert torch.all(parameter == 0), name
        else:
            fan_in = dict(encoder.base.named_parameters())[name.replace("bias", "weight")].shape[1]
            assert torch.all(parameter != 0), name
            assert parameter.abs().max().item() <= 1 / math.sqrt(fan_in), name


def test_a_tagger_is_reset_as_its_encoder_is(
    architecture: str, model: PreTrainedModel, checkpoint: Callable[..., Path]
) -> None:
    tagger = AutoModelForTokenClassification.from_pretrained(checkpoint(architecture), num_labels=3)
    head = {
        n: p.detach().clone()
        for n, p in tagger.named_parameters()
        if not n.startswith(tagger.base_model_prefix)
    }
    of_tagger, of_base = apply(Reset("1", seed=7), tagger), apply(Reset("1", seed=7), model)
    assert of_tagger == of_base
    assert all(torch.equal(dict(tagger.named_parameters())[name], tensor) for name, tensor in head.items())


def test_layers_get_the_same_weights_together_and_apart(
    checkpoint: Callable[..., Path],
    load: Callable[[Path], PreTrainedModel],
    state_of: StateOf,
    changed: Changed,
) -> None:
    together, apart = load(checkpoint("bert")), load(checkpoint("bert"))
    apply(Reset("0-1", seed=3), together)
    apply((Reset("1", seed=3), Reset("0", seed=3)), apart)
    assert changed(state_of(together), state_of(apart)) == set()


def test_the_callers_random_state_is_left_alone(bert: PreTrainedModel) -> None:
    before = torch.random.get_rng_state()
    apply(Reset("0", seed=3), bert)
    apply(Reset("0", init="torch", seed=3), bert)
    assert torch.equal(before, torch.random.get_rng_state())


def test_components_narrow_a_reset(model: PreTrainedModel, state_of: StateOf, changed: Changed) -> None:
    before = state_of(model)
    apply(Reset("1-2", seed=0, components=("attention", "norm")), model)
    expected = set(Encoder(model).parameters("1-2", ("attention", "norm")))
    assert changed(before, state_of(model)) == expected


def test_a_rewind_restores_the_checkpoint(
    model: PreTrainedModel, state_of: StateOf, changed: Changed
) -> None:
    loaded = state_of(model)
    with pytest.raises(NoEffectError, match=r"Reset\(.*leaves all \d+ parameters it selects bit for bit"):
        apply(Reset("0-1", to="pretrained"), model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    tuned = state_of(model)
    apply(Reset("0-1", to="pretrained"), model)
    inside = set(Encoder(model).parameters("0-1"))
    assert changed(tuned, state_of(model)) == inside
    assert changed(loaded, state_of(model)) == set(loaded) - inside


def test_random_weights_need_a_seed(bert: PreTrainedModel) -> None:
    with pytest.raises(DonorError, match="give seed= to the intervention"):
        apply(Reset("0"), bert)
    own = apply(Reset("0", seed=5), bert, donors=Donors(seed=4))
    with pytest.raises(NoEffectError, match="bit for bit"):
        apply(Reset("0"), bert, donors=Donors(seed=5))
    assert apply(Reset("0"), bert, donors=Donors(seed=4)).digest_after != own.digest_after
