from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from layerlab.ablation.apply import applied
from layerlab.ablation.interventions import (
    Intervention,
    Permute,
    PruneHeads,
    Reset,
    Scale,
    Selection,
    Skip,
    intervention,
)
from layerlab.ablation.interventions.donors import Donors
from layerlab.ablation.prepared import prepare
from layerlab.errors import NoEffectError
from layerlab.models.encoder import Encoder
from layerlab.models.forward import ResumableForward

DONORS = Donors(seed=5)


def test_what_is_prepared_gives_what_applying_gives_from_its_level_on(
    model: PreTrainedModel, inputs: dict[str, Tensor]
) -> None:
    encoder, forward = Encoder(model), ResumableForward(model)
    cases: list[tuple[tuple[Intervention, ...], int]] = [
        ((Reset("1"), Skip("3")), 1),
        ((Scale("2", 0.5),), 2),
        ((), 4),
        ((Skip("0"),), 0),
        ((PruneHeads("2", heads=1),), 2),
    ]
    for items, start in cases:
        ready = prepare(items, encoder, DONORS)
        assert ready.start == start
        with applied(items, encoder, donors=DONORS) as receipts, torch.no_grad():
            expected = model(**inputs).last_hidden_state
        assert [one.to_dict() for one in ready.receipts] == [one.to_dict() for one in receipts]
        with torch.inference_mode():
            states = forward.run(inputs, stop=start)
            with ready.in_place():
                assert torch.equal(forward.run(inputs, states, start=start), expected)


def test_the_encoder_is_as_it_was_after_each_use(
    bert: PreTrainedModel, state_of: Callable[..., Any], changed: Callable[..., set[str]]
) -> None:
    before, parameters = state_of(bert), dict(bert.named_parameters())
    ready = prepare((Permute("0-1", seed=1), Skip("2")), Encoder(bert), DONORS)
    assert not changed(before, state_of(bert))
    for _ in range(2):
        with ready.in_place():
            assert changed(before, state_of(bert))
        assert not changed(before, state_of(bert))
    with pytest.raises(RuntimeError, match="inside"), ready.in_place():
        raise RuntimeError("inside")
    assert not changed(before, state_of(bert))
    assert all(parameter is parameters[name] for name, parameter in bert.named_parameters())
    assert not any(layer._forward_hooks for layer in Encoder(bert).layers)
    assert ready.n_bytes == sum(p.nbytes for p in Encoder(bert).parameters("0-1").values())


def test_what_may_act_anywhere_has_no_level(bert: PreTrainedModel) -> None:
    @intervention("whisper")
    class Whisper:
        layers: Selection

        def hold(self, encoder: Encoder) -> Callable[[], None]:
            return lambda: None

    items: list[Intervention] = [Reset("embeddings"), Whisper("3")]
    assert [prepare((item,), Encoder(bert), DONORS).start for item in items] == [None, None]
    with pytest.raises(NoEffectError, match="bit for bit"):
        prepare((Reset("1", seed=1), Reset("1", seed=1)), Encoder(bert))
