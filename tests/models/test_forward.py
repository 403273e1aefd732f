from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from layerlab.ablation.apply import applied, apply
from layerlab.ablation.interventions import Freeze, Skip
from layerlab.errors import SelectionError
from layerlab.models.draws import Draws
from layerlab.models.encoder import Encoder
from layerlab.models.forward import ResumableForward

Inputs = dict[str, Tensor]


def _break(*given: object) -> None:
    raise RuntimeError("broken")


def plain_levels(model: PreTrainedModel, inputs: Inputs) -> list[Tensor]:
    with torch.no_grad():
        return list(model(**inputs, output_hidden_states=True).hidden_states)


def test_states_at_every_level_are_those_of_the_whole_forward(model: PreTrainedModel, inputs: Inputs) -> None:
    forward, levels = ResumableForward(model), plain_levels(model, inputs)
    for level, expected in enumerate(levels):
        with torch.no_grad():
            assert torch.equal(forward.run(inputs, stop=level), expected)


def test_all_levels_are_there_after_a_pass_through_some(model: PreTrainedModel, inputs: Inputs) -> None:
    forward = ResumableForward(model)
    for stop in (0, 2):
        assert len(forward.levels(inputs, stop=stop)) == stop + 1
    assert len(forward.levels(inputs)) == 5
    assert len(model(**inputs, output_hidden_states=True).hidden_states) == 5


def test_resuming_from_every_level_gives_the_last_states(model: PreTrainedModel, inputs: Inputs) -> None:
    forward, levels = ResumableForward(model), plain_levels(model, inputs)
    for level, states in enumerate(levels):
        with torch.no_grad():
            assert torch.equal(forward.run(inputs, states, start=level), levels[-1])
            resumed = forward.levels(inputs, states, start=level)
        assert len(resumed) == len(levels) - level
        assert all(torch.equal(one, other) for one, other in zip(resumed, levels[level:], strict=True))


def test_layers_between_two_levels(model: PreTrainedModel, inputs: Inputs) -> None:
    forward, levels = ResumableForward(model), plain_levels(model, inputs)
    with torch.no_grad():
        assert torch.equal(forward.run(inputs, levels[1], start=1, stop=3), levels[3])
        assert forward.run(inputs, levels[2], start=2, stop=2) is levels[2]
        for start, stop in ((0, 0), (0, 2), (1, 3)):
            given = levels[start] if start else None
            found = forward.levels(inputs, given, start=start, stop=stop)
            assert len(found) == stop - start + 1
            for one, other in zip(found, levels[start : stop + 1], strict=True):
                assert torch.equal(one, other)


def test_gradients_of_the_upper_layers_are_those_of_the_whole_forward(
    model: PreTrainedModel, inputs: Inputs
) -> None:
    encoder, levels = Encoder(model), plain_levels(model, inputs)
    forward = ResumableForward(model)
    model(**inputs).last_hidden_state.square().sum().backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    for level in (1, 3):
        model.zero_grad(set_to_none=True)
        forward.run(inputs, levels[level], start=level).square().sum().backward()  # type: ignore[no-untyped-call]
        for name, parameter in model.named_parameters():
            part = encoder.part_of[name]
            if isinstance(part, int) and part >= level:
                assert parameter.grad is not None
                torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-5, atol=1e-6)
            elif part == "embeddings" or isinstance(part, int):
                assert parameter.grad is None


def test_a_skip_of_a_computed_layer_still_acts(model: PreTrainedModel, inputs: Inputs) -> None:
    levels = plain_levels(model, inputs)
    for skip in (Skip("2"), Skip("3", components=("ffn",))):
        with applied(skip, model), torch.no_grad():
            expected = model(**inputs).last_hidden_state
            forward = ResumableForward(model)
            for level in (0, 1, 2):
                assert torch.equal(forward.run(inputs, levels[level], start=level), expected)
        assert not torch.equal(expected, levels[-1])


def test_dropout_above_a_silent_prefix_draws_the_same_stream(model: PreTrainedModel, inputs: Inputs) -> None:
    apply(Freeze("embeddings,0-1", dropout=False), model)
    levels = plain_levels(model, inputs)
    model.train()
    if Encoder(model).anatomy.shared:
        pytest.skip("what layers share keeps its dropout")
    torch.manual_seed(3)
    expected = model(**inputs).last_hidden_state
    torch.manual_seed(3)
    forward = ResumableForward(model)
    Draws(partial(forward.run, stop=2)).take(inputs)
    assert torch.equal(forward.run(inputs, levels[2], start=2), expected)
    assert not torch.equal(expected, levels[-1])


def test_nothing_is_left_behind(model: PreTrainedModel, inputs: Inputs) -> None:
    before = [(name, id(module), module.training) for name, module in model.named_modules()]
    levels = plain_levels(model, inputs)
    forward = ResumableForward(model)
    hooks = [len(module._forward_pre_hooks) for module in model.modules()]
    broken = Encoder(model).layers[3].register_forward_hook(_break)
    with pytest.raises(RuntimeError, match="broken"):
        forward.run(inputs, levels[2], start=2)
    broken.remove()
    assert before == [(name, id(module), module.training) for name, module in model.named_modules()]
    assert hooks == [len(module._forward_pre_hooks) for module in model.modules()]
    assert torch.equal(plain_levels(model, inputs)[-1], levels[-1])


def test_levels_that_do_not_exist_are_refused(bert: PreTrainedModel, inputs: Inputs) -> None:
    forward = ResumableForward(bert)
    with pytest.raises(SelectionError, match=r"start <= stop <= 4, got start=0, stop=5"):
        forward.run(inputs, stop=5)
    with pytest.raises(SelectionError, match="start=2 needs the states at that level"):
        forward.run(inputs, start=2)
