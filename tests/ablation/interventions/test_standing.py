from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoModelForTokenClassification, PreTrainedModel

from layerlab.ablation.apply import applied, apply
from layerlab.ablation.interventions import Freeze, Skip, Unfreeze
from layerlab.errors import NoEffectError
from layerlab.models.encoder import Encoder

StateOf = Callable[[PreTrainedModel], dict[str, Tensor]]
Changed = Callable[[dict[str, Tensor], dict[str, Tensor]], set[str]]
Load = Callable[[Path], PreTrainedModel]
Train = Callable[..., None]


def adamw(model: PreTrainedModel) -> torch.optim.AdamW:
    return torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)


def learning_parts(model: PreTrainedModel) -> set[str]:
    """Parameters that the invented regression trains: all but the pooler."""
    return {name for name, _ in model.named_parameters() if not name.startswith("pooler")}


def test_frozen_parts_stay_and_all_others_learn(
    model: PreTrainedModel, state_of: StateOf, changed: Changed, train: Train
) -> None:
    before, frozen = state_of(model), set(Encoder(model).parameters("embeddings,1"))
    receipt = apply(Freeze("embeddings,1"), model)
    train(model, adamw(model))
    assert changed(before, state_of(model)) == learning_parts(model) - frozen
    assert set(receipt.parameters) == frozen
    assert receipt.n_changed == len(frozen)
    assert receipt.digest_before == receipt.digest_after


def test_a_freeze_in_mid_training_holds(
    model: PreTrainedModel, state_of: StateOf, changed: Changed, train: Train, inputs: dict[str, Tensor]
) -> None:
    optimizer = adamw(model)
    train(model, optimizer, 2)
    # A gradient is left over, with which the optimiser would go on.
    model(**inputs).last_hidden_state.pow(2).sum().backward()
    apply(Freeze("1-2"), model)
    before, frozen = state_of(model), set(Encoder(model).parameters("1-2"))
    optimizer.step()
    train(model, optimizer, 3)
    assert changed(before, state_of(model)) == learning_parts(model) - frozen


def test_unfrozen_parts_learn_again(
    model: PreTrainedModel, state_of: StateOf, changed: Changed, train: Train
) -> None:
    apply(Freeze("0-3"), model)
    optimizer = adamw(model)
    train(model, optimizer, 1)
    before = state_of(model)
    apply(Unfreeze("3"), model)
    train(model, optimizer, 1)
    after = changed(before, state_of(model))
    assert after & set(Encoder(model).parameters("0-3")) == set(Encoder(model).parameters("3"))


def test_freezing_the_frozen_and_unfreezing_the_free_is_refused(bert: PreTrainedModel) -> None:
    with pytest.raises(NoEffectError, match="unfreeze 0: no parameter it selects is frozen"):
        apply(Unfreeze("0"), bert)
    apply(Freeze("0-1"), bert)
    with pytest.raises(NoEffectError, match="freeze 1: every parameter it selects is frozen already"):
        apply(Freeze("1"), bert)
    receipt = apply(Freeze("1"), bert, allow_no_effect=True)
    assert receipt.n_changed == 0
    assert receipt.undo is not None
    receipt.undo()
    assert not any(parameter.requires_grad for parameter in Encoder(bert).parameters("0-1").values())
    assert apply(Freeze("1-2"), bert).n_changed == 16


def test_undoing_a_freeze_thaws_what_it_froze(bert: PreTrainedModel) -> None:
    apply(Freeze("0"), bert)
    receipt = apply(Freeze("0-1"), bert)
    assert receipt.undo is not None
    receipt.undo()
    frozen = {name for name, parameter in bert.named_parameters() if not parameter.requires_grad}
    assert frozen == set(Encoder(bert).parameters("0"))


def call_layer(model: PreTrainedModel, index: int, inputs: dict[str, Tensor]) -> Callable[[], Tensor]:
    """Return a function that runs one layer on what it gets in evaluation mode."""
    layer, seen = Encoder(model).layers[index], []

    def see(module: nn.Module, args: Any, kwargs: Any) -> None:
        seen.append((args, kwargs))

    handle = layer.register_forward_pre_hook(see, with_kwargs=True)
    mode = model.training
    model.train(False)
    with torch.no_grad():
        model(**inputs)
    model.train(mode)
    handle.remove()
    args, kwargs = seen[0]

    def run() -> Tensor:
        with torch.no_grad():
            output = layer(*args, **kwargs)
        found: Tensor = output[0] if isinstance(output, tuple) else output
        return found

    return run


def test_a_frozen_layer_keeps_its_dropout(model: PreTrainedModel, inputs: dict[str, Tensor]) -> None:
    apply(Freeze("1"), model)
    model.train()
    run = call_layer(model, 1, inputs)
    assert not torch.equal(run(), run())


def test_freeze_without_dropout_is_silent_also_after_train(
    model: PreTrainedModel, inputs: dict[str, Tensor]
) -> None:
    apply(Freeze("1", dropout=False), model)
    model.train()
    quiet, other = call_layer(model, 1, inputs), call_layer(model, 2, inputs)
    output = quiet()
    assert torch.equal(quiet(), output)
    assert not torch.equal(other(), other())
    assert all(module.training for module in model.modules())
    model.train(False)
    assert torch.equal(quiet(), output)
    assert not any(module.training for module in model.modules())


def test_dropout_comes_back_when_the_layer_learns_again(
    model: PreTrainedModel, inputs: dict[str, Tensor]
) -> None:
    receipt = apply(Freeze("1", dropout=False), model)
    model.train()
    run = call_layer(model, 1, inputs)
    apply(Unfreeze("1"), model)
    assert not torch.equal(run(), run())
    apply(Freeze("1"), model)
    assert torch.equal(run(), run())
    assert receipt.undo is not None
    receipt.undo()
    assert not torch.equal(run(), run())


def test_the_training_mode_is_restored_when_a_silent_layer_fails(bert: PreTrainedModel) -> None:
    apply(Freeze("1", dropout=False), bert)
    bert.train()
    with pytest.raises(TypeError, match="hidden_states"):
        Encoder(bert).layers[1]()
    assert all(module.training for module in bert.modules())


def test_embeddings_can_be_frozen_without_dropout(bert: PreTrainedModel, inputs: dict[str, Tensor]) -> None:
    apply(Freeze("embeddings", dropout=False), bert)
    bert.train()
    embed = bert.get_submodule("embeddings")
    assert torch.equal(embed(inputs["input_ids"]), embed(inputs["input_ids"]))


def without_layer(
    model: PreTrainedModel, index: int, tiny_config: Callable[..., Any], architecture: str, **changes: Any
) -> PreTrainedModel:
    """Build a model of one layer fewer and copy the weights of the other layers into it."""
    depth = "n_layers" if architecture == "distilbert" else "num_hidden_layers"
    changes = {depth: 3, **changes}
    if architecture == "modernbert":
        types = list(model.config.layer_types)
        changes["layer_types"] = types[:index] + types[index + 1 :]
    auto: Any = AutoModel
    smaller: PreTrainedModel = auto.from_config(tiny_config(architecture, **changes))
    stack, weights = f"{Encoder(model).anatomy.layers}.", {}
    for name, tensor in model.state_dict().items():
        if name.startswith(stack):
            number, _, rest = name.removeprefix(stack).partition(".")
            if int(number) == index:
                continue
            name = f"{stack}{int(number) - (int(number) > index)}.{rest}"
        weights[name] = tensor
    smaller.load_state_dict(weights)
    smaller.train(False)
    return smaller


@pytest.mark.parametrize("index", range(4))
def test_skipping_a_layer_equals_a_model_without_it(
    index: int,
    architecture: str,
    checkpoint: Callable[..., Path],
    load: Load,
    tiny_config: Callable[..., Any],
    inputs: dict[str, Tensor],
) -> None:
    if (architecture, index) == ("modernbert", 0):
        pytest.skip(
            "a first layer has no attention norm, so no model without layer 0 has the norm of layer 1"
        )
    # DeBERTa's convolution stands after layer 0, which another layer would become.
    plain = {"conv_kernel_size": 0} if (architecture, index) == ("deberta-v2", 0) else {}
    model = load(checkpoint(architecture, name="-plain" if plain else "", **plain))
    smaller = without_layer(model, index, tiny_config, architecture, **plain)
    with torch.no_grad():
        # transformers installs the hooks that record hidden states here, ahead of the skip.
        whole = model(**inputs, output_hidden_states=True)
        apply(Skip(index), model)
        skipped = model(**inputs, output_hidden_states=True)
        expected = smaller(**inputs, output_hidden_states=True)
    torch.testing.assert_close(skipped.last_hidden_state, expected.last_hidden_state)
    assert not torch.allclose(skipped.last_hidden_state, whole.last_hidden_state, atol=1e-3)
    for position in range(index + 1):
        torch.testing.assert_close(skipped.hidden_states[position], whole.hidden_states[position])
    if index < 3 and not (architecture == "deberta-v2" and index == 0):
        torch.testing.assert_close(skipped.hidden_states[index + 1], skipped.hidden_states[index])


@pytest.mark.parametrize("component", ["attention", "ffn"])
def test_skipping_a_sub_block_equals_zeroing_what_it_adds(
    component: Any, architecture: str, checkpoint: Callable[..., Path], load: Load, inputs: dict[str, Tensor]
) -> None:
    model, zeroed = load(checkpoint(architecture)), load(checkpoint(architecture))
    encoder = Encoder(zeroed)
    path = encoder.anatomy.attention_output if component == "attention" else encoder.anatomy.ffn_output
    with torch.no_grad():
        whole = model(**inputs).last_hidden_state
        for parameter in encoder.layers[1].get_submodule(path).parameters():
            parameter.zero_()
        apply(Skip("1", components=component), model)
        skipped = model(**inputs).last_hidden_state
        torch.testing.assert_close(skipped, zeroed(**inputs).last_hidden_state)
    assert not torch.allclose(skipped, whole, atol=1e-3)


def test_skipped_layers_learn_nothing(
    model: PreTrainedModel, state_of: StateOf, changed: Changed, train: Train
) -> None:
    apply(Skip("1"), model)
    before = state_of(model)
    train(model, adamw(model))
    assert changed(before, state_of(model)) == learning_parts(model) - set(Encoder(model).parameters("1"))


def test_a_skip_draws_the_dropout_of_the_layer(model: PreTrainedModel, inputs: dict[str, Tensor]) -> None:
    def state_after() -> Tensor:
        torch.manual_seed(0)
        model.train()(**inputs)
        return torch.random.get_rng_state()

    plain = state_after()
    apply(Skip("1"), model)
    assert torch.equal(state_after(), plain)


def test_hidden_states_given_by_name_are_passed_by(bert: PreTrainedModel) -> None:
    apply(Skip("2"), bert)
    states = torch.randn(1, 3, 32)
    assert Encoder(bert).layers[2](hidden_states=states) is states


def test_a_skip_is_undone(model: PreTrainedModel, inputs: dict[str, Tensor]) -> None:
    with torch.no_grad():
        whole = model(**inputs).last_hidden_state
        receipt = apply(Skip("0-1"), model)
        assert receipt.undo is not None
        receipt.undo()
        assert torch.equal(model(**inputs).last_hidden_state, whole)


def test_a_tagger_is_skipped_and_frozen_as_its_encoder_is(
    architecture: str, model: PreTrainedModel, checkpoint: Callable[..., Path], inputs: dict[str, Tensor]
) -> None:
    tagger = AutoModelForTokenClassification.from_pretrained(checkpoint(architecture), num_labels=3)
    with applied(Skip("1-2"), tagger), applied(Skip("1-2"), model), torch.no_grad():
        own, expected = tagger.base_model(**inputs), model(**inputs)
        assert torch.equal(own.last_hidden_state, expected.last_hidden_state)
    apply(Freeze("0"), tagger)
    frozen = {name for name, parameter in tagger.base_model.named_parameters() if not parameter.requires_grad}
    assert frozen == set(Encoder(model).parameters("0"))
