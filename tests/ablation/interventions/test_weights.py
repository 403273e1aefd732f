from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from transformers import PreTrainedModel

from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import Intervention, Permute, Scale, Swap
from layerlab.ablation.interventions.donors import Donors
from layerlab.errors import DonorError, NoEffectError, SelectionError
from layerlab.models.encoder import Encoder

StateOf = Callable[[PreTrainedModel], dict[str, Tensor]]
Changed = Callable[[dict[str, Tensor], dict[str, Tensor]], set[str]]
Load = Callable[[Path], PreTrainedModel]


def test_swap_with_itself_is_the_identity(
    architecture: str,
    model: PreTrainedModel,
    checkpoint: Callable[..., Path],
    state_of: StateOf,
    changed: Changed,
) -> None:
    before = state_of(model)
    item = Swap("embeddings,1-2", donor=str(checkpoint(architecture)))
    with pytest.raises(NoEffectError, match="bit for bit as they are"):
        apply(item, model)
    receipt = apply(item, model, allow_no_effect=True)
    assert changed(before, state_of(model)) == set()
    assert (receipt.n_changed, receipt.digest_before) == (0, receipt.digest_after)


def test_swap_there_and_back_restores(
    architecture: str,
    model: PreTrainedModel,
    checkpoint: Callable[..., Path],
    state_of: StateOf,
    changed: Changed,
) -> None:
    before = state_of(model)
    apply(Swap("0,2-3", donor=str(checkpoint(architecture, seed=1))), model)
    assert changed(before, state_of(model)) == set(Encoder(model).parameters("0,2-3"))
    apply(Swap("0,2-3", donor=str(checkpoint(architecture))), model)
    assert changed(before, state_of(model)) == set()


def test_swapped_layers_are_the_donors(
    architecture: str, model: PreTrainedModel, checkpoint: Callable[..., Path], load: Load
) -> None:
    folder = checkpoint(architecture, seed=1)
    donor = dict(load(folder).named_parameters())
    apply(Swap("1", donor=str(folder), from_layers="2"), model)
    stack = Encoder(model).anatomy.layers
    for name, parameter in Encoder(model).parameters("1").items():
        assert torch.equal(parameter, donor[name.replace(f"{stack}.1.", f"{stack}.2.")])


def unlike_layers(checkpoint: Callable[..., Path]) -> list[Intervention]:
    donor = str(checkpoint("modernbert", seed=1))
    return [Swap("0", donor=donor, from_layers="1"), Permute("0-1", order=(1, 0)), Permute("0-3", seed=0)]


@pytest.mark.parametrize("index", range(3))
def test_modernberts_first_layer_takes_no_other_layers_weights(
    index: int, checkpoint: Callable[..., Path], load: Load, state_of: StateOf, changed: Changed
) -> None:
    model = load(checkpoint("modernbert"))
    before = state_of(model)
    with pytest.raises(DonorError, match=r"layers\.\d\.attn_norm\.weight"):
        apply(unlike_layers(checkpoint)[index], model)
    assert changed(before, state_of(model)) == set()


def test_the_message_names_what_is_too_much_and_what_is_lacking(
    checkpoint: Callable[..., Path], load: Load
) -> None:
    model, donor = load(checkpoint("modernbert")), str(checkpoint("modernbert", seed=1))
    with pytest.raises(
        DonorError, match=r"layers.1 of the donor does not fit layers.0: it has .*attn_norm.* besides"
    ):
        apply(Swap("0", donor=donor, from_layers="1"), model)
    with pytest.raises(
        DonorError, match=r"layers.0 of the donor does not fit layers.1: it lacks .*attn_norm"
    ):
        apply(Swap("1", donor=donor, from_layers="0"), model)
    with pytest.raises(DonorError, match="besides"):
        apply(Swap("0", donor=donor, from_layers="1", components="norm"), model)
    apply(Swap("0", donor=donor, from_layers="1", components=("attention", "ffn")), model)


def test_weights_of_another_width_fail_before_anything_is_written(
    checkpoint: Callable[..., Path], load: Load, state_of: StateOf, changed: Changed
) -> None:
    model = load(checkpoint("bert"))
    wide = str(checkpoint("bert", name="-wide", intermediate_size=64))
    before = state_of(model)
    with pytest.raises(
        DonorError, match=r"intermediate.dense.weight is \(48, 32\), the donor's is \(64, 32\)"
    ):
        apply(Swap("0-3", donor=wide), model)
    assert changed(before, state_of(model)) == set()


def test_another_architecture_is_no_donor(checkpoint: Callable[..., Path], load: Load) -> None:
    with pytest.raises(
        DonorError, match=r"encoder.layer.0 of the donor does not fit encoder.layer.0: it lacks"
    ):
        apply(Swap("0", donor=str(checkpoint("modernbert"))), load(checkpoint("bert")))


def test_a_deeper_donor_gives_its_last_layers(checkpoint: Callable[..., Path], load: Load) -> None:
    deep = checkpoint("bert", name="-deep", num_hidden_layers=6)
    model, donor = load(checkpoint("bert")), dict(load(deep).named_parameters())
    apply(Swap("2-3", donor=str(deep), from_layers="last:2"), model)
    name = "encoder.layer.{}.output.dense.weight"
    assert torch.equal(dict(model.named_parameters())[name.format(3)], donor[name.format(5)])
    with pytest.raises(SelectionError, match="cannot be paired: 2 and 1 layers"):
        apply(Swap("2-3", donor=str(deep), from_layers="0"), model)
    with pytest.raises(SelectionError, match="only one has the embeddings"):
        apply(Swap("embeddings,2", donor=str(deep), from_layers="0"), model)


def test_permute_moves_whole_layers(architecture: str, model: PreTrainedModel, state_of: StateOf) -> None:
    before, stack = state_of(model), Encoder(model).anatomy.layers
    apply(Permute("1-3", order=(3, 1, 2)), model)
    after = state_of(model)
    for here, there in ((1, 3), (2, 1), (3, 2)):
        for name in Encoder(model).parameters(here):
            assert torch.equal(after[name], before[name.replace(f"{stack}.{here}.", f"{stack}.{there}.")])


def test_a_random_order_depends_on_the_seed_and_always_moves_something(
    checkpoint: Callable[..., Path], load: Load
) -> None:
    digests = {apply(Permute("0-3", seed=seed), load(checkpoint("bert"))).digest_after for seed in range(8)}
    assert len(digests) > 4
    assert all(apply(Permute("0-1", seed=seed), load(checkpoint("bert"))).n_changed for seed in range(4))


def test_wrong_orders_are_refused(bert: PreTrainedModel) -> None:
    with pytest.raises(
        SelectionError, match=r"order \(0, 0, 1\) is no order of the selected layers \(0, 1, 2\)"
    ):
        apply(Permute("0-2", order=(0, 0, 1)), bert)
    with pytest.raises(SelectionError, match="layer 2 alone cannot be permuted"):
        apply(Permute("2", seed=0), bert)
    with pytest.raises(DonorError, match="need a seed"):
        apply(Permute("0-1"), bert)


def test_scale_goes_towards_zero(model: PreTrainedModel, state_of: StateOf) -> None:
    before = state_of(model)
    apply(Scale("1", factor=0.5, components="ffn"), model)
    after = state_of(model)
    for name in before:
        factor = 0.5 if name in Encoder(model).parameters("1", "ffn") else 1.0
        assert torch.equal(after[name], before[name] * factor)


def test_scale_goes_towards_a_donor(
    architecture: str, model: PreTrainedModel, checkpoint: Callable[..., Path], load: Load, state_of: StateOf
) -> None:
    folder, before = checkpoint(architecture, seed=1), state_of(model)
    donor = dict(load(folder).named_parameters())
    apply(Scale("1", factor=0.25, donor=str(folder)), model)
    for name, parameter in Encoder(model).parameters("1").items():
        torch.testing.assert_close(parameter, 0.25 * before[name] + 0.75 * donor[name])
    apply(Scale("1", factor=0.0, donor=str(folder)), model)
    assert all(
        torch.equal(parameter, donor[name]) for name, parameter in Encoder(model).parameters("1").items()
    )


def test_what_can_never_have_an_effect_is_refused_when_it_is_written() -> None:
    with pytest.raises(ValidationError, match="a factor of 1 leaves every weight as it is"):
        Scale("0", factor=1.0)
    with pytest.raises(ValidationError, match="this order leaves every layer where it is"):
        Permute("0-1", order=(0, 1))


def test_scale_towards_the_pretrained_checkpoint(bert: PreTrainedModel, state_of: StateOf) -> None:
    before = state_of(bert)
    with torch.no_grad():
        for parameter in bert.parameters():
            parameter.add_(1.0)
    apply(Scale("0", factor=0.5, donor="pretrained"), bert, donors=Donors())
    name = "encoder.layer.0.output.dense.weight"
    torch.testing.assert_close(state_of(bert)[name], before[name] + 0.5)
