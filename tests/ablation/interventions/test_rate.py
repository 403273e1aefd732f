from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from transformers import PreTrainedModel

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.apply import applied, apply
from layerlab.ablation.callback import AblationCallback
from layerlab.ablation.interventions import Rate, at_depth
from layerlab.ablation.sweep import sweep
from layerlab.errors import NoEffectError, SelectionError, StudyError
from layerlab.models.encoder import Encoder
from layerlab.models.rates import rate_of


def factors(model: PreTrainedModel) -> dict[str, float]:
    return {name: rate_of(parameter) for name, parameter in model.named_parameters()}


def test_a_rate_is_kept_with_the_parameters_that_it_selects(bert: PreTrainedModel) -> None:
    receipt = apply(Rate("0-1", 0.1), bert)
    selected = set(Encoder(bert).parameters("0-1"))
    assert {name for name, factor in factors(bert).items() if factor == 0.1} == selected
    assert {factor for name, factor in factors(bert).items() if name not in selected} == {1.0}
    assert set(receipt.parameters) == selected
    assert receipt.n_changed == len(selected)
    assert receipt.digest_before == receipt.digest_after
    assert receipt.intervention == {"rate": {"layers": "0-1", "factor": 0.1, "decay": 1.0, "components": []}}


def test_several_multiply_and_each_is_taken_back_alone(bert: PreTrainedModel) -> None:
    first = apply(Rate("0-1", 0.5), bert)
    second = apply(Rate("1", 0.5, components="ffn"), bert)
    names = set(Encoder(bert).parameters("1", "ffn"))
    assert {factors(bert)[name] for name in names} == {0.25}
    assert second.n_changed == len(names)
    assert first.undo is not None
    assert second.undo is not None
    first.undo()
    assert {name: factor for name, factor in factors(bert).items() if factor != 1} == dict.fromkeys(
        names, 0.5
    )
    second.undo()
    assert set(factors(bert).values()) == {1.0}


def test_a_with_block_leaves_every_rate_as_it_was(bert: PreTrainedModel) -> None:
    apply(Rate("0", 2.0), bert)
    before = factors(bert)
    with applied([Rate("all", 0.3), Rate("embeddings", 0.2)], bert):
        assert factors(bert) != before
    assert factors(bert) == before


def test_decay_gives_each_layer_less_than_the_one_above_it(bert: PreTrainedModel) -> None:
    apply(Rate("embeddings,all", 0.5, decay=0.5), bert)
    encoder = Encoder(bert)
    found = [
        {rate_of(parameter) for parameter in encoder.parameters(layer).values()}
        for layer in ("embeddings", *map(str, range(encoder.n_layers)))
    ]
    assert found == [{0.5**place} for place in range(encoder.n_layers + 1, 0, -1)]


def test_parts_beside_the_layers_have_rates_of_their_neighbours(model: PreTrainedModel) -> None:
    apply(Rate("everything", 0.5, decay=0.5), model)
    encoder = Encoder(model)
    for name, parameter in encoder.base.named_parameters():
        place = {"top": 3, "shared": -1, "embeddings": -1}.get(str(encoder.part_of[name]))
        layer = int(encoder.part_of[name]) if place is None else place
        assert rate_of(parameter) == 0.5 ** (1 + 3 - layer), name


@pytest.mark.parametrize("options", [{}, {"factor": 1}, {"factor": 1.0, "decay": 1.0}])
def test_a_factor_of_one_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="a factor of 1 leaves every learning rate as it is"):
        Rate("0", **options)


@pytest.mark.parametrize("options", [{"factor": 0}, {"factor": -0.1}, {"decay": 0}])
def test_a_factor_of_zero_is_what_freezing_is_for(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        Rate("0", **options)


def test_a_decay_over_one_layer_is_refused(bert: PreTrainedModel) -> None:
    with pytest.raises(SelectionError, match="a decay over 3 alone changes nothing"):
        at_depth(Rate("last:1", decay=0.9), 4)
    with pytest.raises(NoEffectError, match="the learning rate of every parameter stays"):
        apply(Rate("0", decay=0.9), bert)


def test_rates_make_no_sense_after_fine_tuning() -> None:
    with pytest.raises(
        StudyError, match="rate makes no sense after fine-tuning; it belongs before or during"
    ):
        Ablation(after=(Rate("0", 0.5),))


def test_a_sweep_scales_each_window() -> None:
    (found,) = sweep("before", Rate, windows=2, factor=0.1)
    assert [ablation.name for ablation in found.expand(4)] == [
        "rate(0-1, factor=0.1)@before",
        "rate(2-3, factor=0.1)@before",
    ]
    assert found.expand(4)[0].sweep == "rate(factor=0.1)@before"


def test_the_trainer_has_rates_of_its_own() -> None:
    with pytest.raises(StudyError, match="the Trainer's optimiser has rates of its own"):
        AblationCallback(Ablation(during=(Timed(0.5, Rate("0", 0.5)),)))
