"""A frozen layer without dropout draws what it would drop, so that no other layer's dropout changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import Freeze, Skip
from layerlab.models.draws import Draws, drawn_apart
from layerlab.models.encoder import Encoder
from layerlab.models.forward import ResumableForward
from layerlab.models.substitution import Substituted

ATTENTION = ("sdpa", "eager")


def keeping(masks: list[Tensor]) -> Substituted:
    """Note what each dropout of a model keeps: of ones, under the same generator state."""

    def note(input: Tensor, p: float, training: bool = True, inplace: bool = False) -> Tensor:
        state = torch.get_rng_state()
        masks.append(functional.dropout(torch.ones_like(input), p, training))
        torch.set_rng_state(state)
        return functional.dropout(input, p, training, inplace)

    return Substituted({functional.dropout: note})


def states_of_generator(model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """Return the generator's state before each layer and after the model, in training."""
    seen: list[Tensor] = []
    encoder = Encoder(model)
    handles = [
        layer.register_forward_pre_hook(lambda *_: seen.append(torch.get_rng_state()), prepend=True)
        for layer in encoder.layers
    ]
    model.train()
    torch.manual_seed(7)
    encoder.base(**inputs)
    for handle in handles:
        handle.remove()
    return [*seen, torch.get_rng_state()]


@pytest.mark.parametrize("attention", ATTENTION)
def test_no_other_module_meets_another_generator(
    model: PreTrainedModel, inputs: dict[str, Tensor], attention: str
) -> None:
    model.config._attn_implementation = attention
    plain = states_of_generator(model, inputs)
    apply(Freeze("embeddings,0,2", dropout=False), model)
    frozen = states_of_generator(model, inputs)
    assert not torch.equal(plain[0], plain[-1])
    assert all(torch.equal(one, other) for one, other in zip(plain, frozen, strict=True))


def test_masks_of_layers_that_learn_are_those_of_the_baseline(
    bert: PreTrainedModel, inputs: dict[str, Tensor]
) -> None:
    bert.config._attn_implementation = "eager"  # which calls dropout for attention, too
    bert.train()

    def masks() -> list[Tensor]:
        torch.manual_seed(7)
        found: list[Tensor] = []
        with keeping(found):
            bert.base_model(**inputs)
        return found

    plain = masks()
    apply((Freeze("embeddings,0,2", dropout=False), Freeze("3", dropout=False, components=("ffn",))), bert)
    frozen = masks()
    # One in the embeddings; in each layer one of attention and one after each sub-block.
    learning = [plain[1 + 3 * 1 + i] for i in range(3)] + [plain[1 + 3 * 3 + i] for i in range(2)]
    assert len(plain) == 1 + 3 * 4
    assert all(any(torch.equal(mask, other) for other in frozen) for mask in learning)


@pytest.mark.parametrize("attention", ATTENTION)
def test_what_is_drawn_apart_is_not_applied(
    model: PreTrainedModel, inputs: dict[str, Tensor], attention: str
) -> None:
    model.config._attn_implementation = attention
    base = Encoder(model).base
    base.eval()  # type: ignore[no-untyped-call]
    expected = base(**inputs).last_hidden_state
    base.train()
    with drawn_apart():
        found = base(**inputs).last_hidden_state
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("attention", ATTENTION)
def test_draws_are_taken_without_the_pass(model: PreTrainedModel, attention: str) -> None:
    if Encoder(model).anatomy.shared:
        pytest.skip("what layers share has a dropout of its own")
    model.config._attn_implementation = attention
    apply((Skip("1"), Freeze("embeddings,0-2", dropout=False)), model)
    model.train()
    computed: list[int] = []
    forward = ResumableForward(model)

    def compute(inputs: Mapping[str, Tensor]) -> None:
        computed.append(1)
        forward.run(inputs, stop=3)

    draws = Draws(compute)
    for n_rows, n_columns in ((5, 7), (2, 3), (1, 12)):
        inputs = {
            "input_ids": torch.randint(4, 30, (n_rows, n_columns)),
            "attention_mask": torch.ones(n_rows, n_columns, dtype=torch.long),
        }
        inputs["attention_mask"][0, -1] = 0
        torch.manual_seed(n_rows)
        draws.take(inputs)
        taken, n_computed = torch.get_rng_state(), len(computed)
        torch.manual_seed(n_rows)
        forward.run(inputs, stop=3)
        assert torch.equal(torch.get_rng_state(), taken)
    assert n_computed == 2  # it looked twice, at a few words


def test_a_pass_of_another_form_is_computed() -> None:
    """What is drawn here depends on more than the extents of the batch."""
    layer = nn.Dropout(0.5)

    def compute(inputs: Mapping[str, Tensor]) -> None:
        with drawn_apart():
            layer(torch.ones(int(inputs["input_ids"].sum())))

    inputs = {"input_ids": torch.full((4, 6), 3)}
    torch.manual_seed(0)
    compute(inputs)
    expected = torch.get_rng_state()
    torch.manual_seed(0)
    Draws(compute).take(inputs)
    assert torch.equal(torch.get_rng_state(), expected)


def test_a_silent_layer_that_fails_leaves_no_context(
    checkpoint: Callable[..., Path], load: Callable[[Path], PreTrainedModel]
) -> None:
    model = load(checkpoint("bert"))
    apply(Freeze("1", dropout=False), model)
    model.train()
    with pytest.raises(TypeError, match="hidden_states"):
        Encoder(model).layers[1]()
    ones = torch.ones(64)
    assert not torch.equal(functional.dropout(ones, 0.5), ones)
