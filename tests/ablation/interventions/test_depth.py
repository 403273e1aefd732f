from __future__ import annotations

from typing import Any

import pytest

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import FitDonor, Freeze, Permute, Reset, Swap
from layerlab.ablation.interventions.permute import check_order
from layerlab.ablation.interventions.protocols import at_depth
from layerlab.ablation.interventions.swap import pair
from layerlab.errors import SelectionError
from layerlab.models.layers import Layers

FIT = FitDonor(source="fr")


def test_orders_are_checked_against_the_selected_layers() -> None:
    kept = Ablation(before=(Permute("last:2", order=(3, 2)),)).resolve(4)
    assert kept.before == (Permute("2-3", order=(3, 2)),)
    with pytest.raises(SelectionError, match=r"order \(3, 2\) is no order of the selected layers \(4, 5\)"):
        Ablation(before=(Permute("last:2", order=(3, 2)),)).resolve(6)
    with pytest.raises(SelectionError, match="layer 3 alone cannot be permuted"):
        Ablation(after=(Permute("last:1"),)).resolve(4)


def test_an_order_is_checked_during_fine_tuning_too() -> None:
    with pytest.raises(SelectionError, match="each must occur once"):
        Ablation(during=(Timed(0.5, Permute("0-2", order=(2, 2, 0))),)).resolve(4)


@pytest.mark.parametrize("donor", [FIT, FitDonor(fit="abc123"), "pretrained"])
def test_layers_of_a_donor_of_the_same_depth_have_one_form(donor: Any) -> None:
    forms = [
        Ablation("x", after=(Swap("0-1", donor=donor, from_layers=f),)) for f in ("last:2", "3,2", "2-3")
    ]
    assert {form.resolve(4) for form in forms} == {
        Ablation("x", after=(Swap("0-1", donor=donor, from_layers="2-3"),))
    }
    assert at_depth(Swap("last:2", donor=donor, from_layers="2-3"), 4) == Swap("2-3", donor=donor)
    with pytest.raises(SelectionError, match="no layer 7"):
        at_depth(Swap("0-1", donor=donor, from_layers="6-7"), 4)
    with pytest.raises(SelectionError, match="cannot be paired: 2 and 1 layers"):
        at_depth(Swap("0-1", donor=donor, from_layers="last:1"), 4)
    with pytest.raises(SelectionError, match="only one has the embeddings"):
        at_depth(Swap("embeddings,0", donor=donor, from_layers="0"), 4)


def test_layers_of_a_donor_of_unknown_depth_stay_as_written() -> None:
    item = Swap("0-1", donor="folder", from_layers="last:2")
    assert at_depth(item, 4) == item
    assert at_depth(Swap("0-1", donor="folder", from_layers="10-11"), 4).layers == Layers("0-1")


def test_a_settled_form_is_settled() -> None:
    for item in (Reset("all"), Freeze("even"), Permute("0-2"), Swap("0", FIT, from_layers="last:1")):
        assert at_depth(at_depth(item, 4), 4) == at_depth(item, 4)


def test_pairs_are_ascending() -> None:
    assert pair(Layers("3,0"), Layers("last:2"), 4, 6) == {0: 4, 3: 5}


def test_any_order_of_two_layers_or_more_may_be_drawn() -> None:
    check_order(None, (0, 3))
    with pytest.raises(SelectionError, match="select at least two layers"):
        check_order(None, (3,))


def test_swaps_pair_parts_beside_the_layers_by_name() -> None:
    donor = FitDonor(source="ru")
    with pytest.raises(SelectionError, match="only one has the top"):
        at_depth(Swap("0,top", donor=donor, from_layers="1"), 4)
    fits = at_depth(Swap("0,rest", donor=donor, from_layers="rest,1"), 4)
    assert fits == Swap("0,rest", donor=donor, from_layers="1,rest")
