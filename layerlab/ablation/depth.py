"""What an encoder's depth decides: canonical selections, and which orders and pairings fit them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from layerlab.ablation.fields import FitDonor
from layerlab.ablation.registry import Intervention
from layerlab.errors import SelectionError
from layerlab.models.layers import Layers

if TYPE_CHECKING:
    from layerlab.ablation.interventions import Swap


@runtime_checkable
class DepthAware(Intervention, Protocol):
    """An intervention that has more to settle than its selection once the depth is known."""

    def at_depth(self, n_layers: int) -> Intervention:
        """Return what it comes to in an encoder of ``n_layers``; its ``layers`` are canonical already.

        Raises:
            SelectionError: It does not fit the depth.
        """
        ...


def at_depth(item: Intervention, n_layers: int) -> Intervention:
    """Return what an intervention comes to in an encoder of ``n_layers``, in its one canonical form.

    Raises:
        SelectionError: A layer does not exist, or an order or pairing does not fit the selected layers.

    >>> from layerlab.ablation.interventions import Reset
    >>> at_depth(Reset("last:2"), 4).layers
    Layers(text='2-3')
    """
    item = replace(item, layers=item.layers.resolve(n_layers))  # type: ignore[type-var]
    return item.at_depth(n_layers) if isinstance(item, DepthAware) else item


def settle_swap(item: Swap, n_layers: int) -> Swap:
    """Return a swap with canonical ``from_layers``, None if they are its ``layers``.

    A fit of the study and the pretrained checkpoint have the encoder's depth. Any other donor's is known
    when it is loaded, so that its ``from_layers`` stay as written.
    """
    same_depth = isinstance(item.donor, FitDonor) or item.donor == "pretrained"
    if item.from_layers is None or not same_depth:
        return item
    here, there = item.layers.resolve(n_layers), item.from_layers.resolve(n_layers)
    pair(here, there, n_layers, n_layers)
    return replace(item, from_layers=None if here == there else there)


def pair(layers: Layers, from_layers: Layers, n_layers: int, n_donor: int) -> dict[int, int]:
    """Return for each selected layer, ascending, the layer of the donor that it is paired with.

    Args:
        layers: Selected in the encoder.
        from_layers: Selected in the donor.
        n_layers: Depth of the encoder.
        n_donor: Depth of the donor.

    Raises:
        SelectionError: A layer does not exist, or the selections differ in size or in the embeddings.
    """
    here, there = layers.indices(n_layers), from_layers.indices(n_donor)
    if len(here) != len(there) or layers.embeddings != from_layers.embeddings:
        raise SelectionError(
            f"layers {layers} and from_layers {from_layers} cannot be paired: "
            f"{len(here)} and {len(there)} layers"
            f"{', and only one has the embeddings' if layers.embeddings != from_layers.embeddings else ''}"
        )
    return dict(zip(here, there, strict=True))


def check_order(order: Sequence[int] | None, layers: tuple[int, ...]) -> None:
    """Refuse an order that does not name each of the selected layers once; None is any order.

    Raises:
        SelectionError: It does not, or fewer than two layers are selected.
    """
    if len(layers) < 2:
        raise SelectionError(f"layer {layers[0]} alone cannot be permuted; select at least two layers")
    if order is not None and sorted(order) != list(layers):
        raise SelectionError(
            f"order {tuple(order)} is no order of the selected layers {layers}: each must occur once"
        )
