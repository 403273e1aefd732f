from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForTokenClassification, PreTrainedModel

from layerlab.errors import ArchitectureError, SelectionError
from layerlab.models.encoder import Encoder, as_encoder


def test_every_base_parameter_is_owned_exactly_once(model: PreTrainedModel) -> None:
    encoder = Encoder(model)
    owned = Counter(list(encoder.parameters("embeddings,all")))
    owned.update(name for name, part in encoder.part_of.items() if part in {"shared", "top"})
    assert owned == Counter(name for name, _ in model.named_parameters())
    assert set(encoder.part_of.values()) >= {"embeddings", 0, 1, 2, 3}


def test_parts_beside_the_layers_are_selected_by_name(model: PreTrainedModel) -> None:
    encoder = Encoder(model)
    whole = {name for name, _ in encoder.base.named_parameters()}
    assert set(encoder.parameters("everything")) == whole
    assert set(encoder.parameters("embeddings,all,rest")) == whole
    for part in ("shared", "top"):
        names = {name for name, owner in encoder.part_of.items() if owner == part}
        if names:
            assert set(encoder.parameters(part)) == names <= set(encoder.parameters("rest"))
            held = {id(p) for module in encoder.modules(part) for p in module.parameters()}
            assert held == {id(p) for p in encoder.parameters(part).values()}
        else:
            with pytest.raises(
                SelectionError, match=f"no part '{part}'.*there are layers 0-3, embeddings.*rest"
            ):
                encoder.parameters(f"0,{part}")


def test_what_is_no_layer_has_no_components(bert: PreTrainedModel) -> None:
    with pytest.raises(SelectionError, match="select embeddings and rest without components"):
        Encoder(bert).parameters("everything", "attention")


def test_components_partition_every_layer(model: PreTrainedModel) -> None:
    encoder = Encoder(model)
    for index in range(encoder.n_layers):
        parts = [encoder.parameters(index, component) for component in ("attention", "ffn", "norm")]
        assert all(parts)
        assert Counter(name for part in parts for name in part) == Counter(list(encoder.parameters(index)))
        assert all(parameter.ndim == 1 for parameter in parts[2].values())
        assert all("norm" in name.lower() for name in parts[2])
        assert not any("norm" in name.lower() for part in parts[:2] for name in part)


def test_an_encoder_without_weights_has_the_names_and_shapes_of_one_that_was_loaded(
    architecture: str, model: PreTrainedModel, checkpoint: Callable[..., Path]
) -> None:
    outline, loaded = (
        Encoder.without_weights(AutoConfig.from_pretrained(checkpoint(architecture))),
        Encoder(model),
    )
    assert all(parameter.is_meta for parameter in outline.base.parameters())
    for layers in ("embeddings", "0", "all"):
        shapes = [{n: p.shape for n, p in one.parameters(layers).items()} for one in (outline, loaded)]
        assert shapes[0] == shapes[1]
    assert outline.part_of == loaded.part_of


def outputs_of_layers(
    model: PreTrainedModel, inputs: dict[str, Tensor]
) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """Return what forward hooks on the layers see, and the model's hidden states."""
    seen: list[Tensor] = []

    def see(module: nn.Module, args: Any, output: Any) -> None:
        seen.append(output[0] if isinstance(output, tuple) else output)

    handles = [layer.register_forward_hook(see) for layer in Encoder(model).layers]
    with torch.no_grad():
        states = model(**inputs, output_hidden_states=True).hidden_states
    for handle in handles:
        handle.remove()
    return seen, states


def test_layer_i_gives_hidden_state_i_plus_1(
    architecture: str, model: PreTrainedModel, inputs: dict[str, Tensor]
) -> None:
    seen, states = outputs_of_layers(model, inputs)
    assert len(states) == len(seen) + 1
    unlike = [index for index, output in enumerate(seen) if not torch.equal(output, states[index + 1])]
    # The last entry is after the final norm; entry 1 is after the convolution that follows layer 0.
    assert unlike == {"modernbert": [3], "eurobert": [3], "deberta-v2": [0]}.get(architecture, [])


def test_deberta_without_convolution_is_no_exception(
    checkpoint: Callable[..., Path], load: Callable[[Path], PreTrainedModel], inputs: dict[str, Tensor]
) -> None:
    model = load(checkpoint("deberta-v2", name="-plain", conv_kernel_size=0))
    seen, states = outputs_of_layers(model, inputs)
    assert all(torch.equal(output, state) for output, state in zip(seen, states[1:], strict=True))


def test_a_model_with_a_head_has_the_same_encoder(
    architecture: str, model: PreTrainedModel, checkpoint: Callable[..., Path]
) -> None:
    tagger = AutoModelForTokenClassification.from_pretrained(checkpoint(architecture), num_labels=3)
    encoder = Encoder(tagger)
    assert encoder.model is tagger
    assert encoder.base is tagger.base_model
    assert list(encoder.parameters("embeddings,0-3")) == list(Encoder(model).parameters("embeddings,0-3"))


def test_parameters_are_the_models_own(bert: PreTrainedModel) -> None:
    own = dict(bert.named_parameters())
    chosen = Encoder(bert).parameters("embeddings,1")
    assert all(parameter is own[name] for name, parameter in chosen.items())
    assert list(chosen) == [n for n in own if n.startswith(("embeddings.", "encoder.layer.1."))]


def test_embeddings_have_no_components(bert: PreTrainedModel) -> None:
    with pytest.raises(SelectionError, match="components .* are parts of layers"):
        Encoder(bert).parameters("embeddings,0", "norm")


def test_an_unknown_component_is_refused(bert: PreTrainedModel) -> None:
    with pytest.raises(SelectionError, match="unknown component 'atention'; did you mean 'attention'"):
        Encoder(bert).parameters("0", "atention")  # type: ignore[arg-type]


def test_modules_follow_the_selection(model: PreTrainedModel) -> None:
    encoder = Encoder(model)
    assert encoder.modules("1,3") == (encoder.layers[1], encoder.layers[3])
    inside = {id(p) for m in encoder.modules("embeddings") for p in m.parameters()}
    assert inside == {id(p) for p in encoder.parameters("embeddings").values()}
    held = {id(p) for m in encoder.modules("2", ("attention", "ffn")) for p in m.parameters()}
    assert held >= {id(p) for p in encoder.parameters("2", ("attention", "ffn")).values()}
    assert encoder.modules("2", "norm") == ()


def test_the_description_counts_every_parameter(model: PreTrainedModel) -> None:
    description = Encoder(model).describe()
    assert description.n_parameters == sum(parameter.numel() for parameter in model.parameters())
    lines = str(description).splitlines()
    assert lines[0].startswith(f"{type(model).__name__}: 4 layers")
    assert len({len(line) for line in lines[1:]}) == 1
    assert [line.split("  ")[0] for line in lines[2:7]] == ["embeddings", *(f"layer {i}" for i in range(4))]


def test_what_is_no_transformers_model_is_refused(bert: PreTrainedModel) -> None:
    encoder = as_encoder(bert)
    assert as_encoder(encoder) is encoder
    with pytest.raises(
        ArchitectureError, match="expected a transformers PreTrainedModel or an Encoder, got Linear"
    ):
        as_encoder(nn.Linear(2, 2))  # type: ignore[arg-type]
