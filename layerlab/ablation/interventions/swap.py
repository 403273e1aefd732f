"""Swap: the weights of layers of another model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from layerlab.ablation.interventions.kinds import intervention
from layerlab.ablation.interventions.notation import (
    SAME_LAYERS,
    WHOLE_LAYER,
    Components,
    Donor,
    FitDonor,
    OptionalSelection,
    Selection,
)
from layerlab.ablation.interventions.protocols import is_elsewhere
from layerlab.ablation.interventions.weights import copy_from
from layerlab.errors import SelectionError
from layerlab.models.layers import Layers

if TYPE_CHECKING:
    from torch import Tensor

    from layerlab.ablation.interventions.donors import Donors
    from layerlab.models.encoder import Encoder


@intervention("swap")
class Swap:
    """Give layers the weights of layers of another model.

    Attributes:
        layers: The layers that are overwritten.
        donor: Folder or Hub id, ``pretrained``, or a fit of the study.
        from_layers: Layers of the donor, paired in ascending order; the same layers if None.
        components: Parts of each layer; empty for the whole layer.

    Reference: Bandarkar et al. (2024), Layer Swapping for Zero-Shot Cross-Lingual Transfer,
        arXiv:2410.01335.
    """

    layers: Selection
    donor: Donor
    from_layers: OptionalSelection = SAME_LAYERS
    components: Components = WHOLE_LAYER

    @property
    def may_not_fit(self) -> bool:
        """True for another checkpoint, whose layers may differ, and for layers that change their place."""
        return is_elsewhere(self.donor) or self.from_layers is not None

    def weights(self, encoder: Encoder, donors: Donors) -> dict[str, Tensor]:
        """Return the donor's values."""
        source = donors.load(self.donor, encoder)
        places = None
        if self.from_layers is not None:
            depth = _depth_of(source, encoder)
            places = pair(self.layers, self.from_layers, encoder.n_layers, depth)
        return copy_from(source, encoder, self.layers, self.components, places)

    def at_depth(self, n_layers: int) -> Swap:
        """Return the swap with canonical ``from_layers``, None if they are its ``layers``.

        A fit of the study and the pretrained checkpoint have the encoder's depth. Any other donor's is known
        when it is loaded, so that its ``from_layers`` stay as written.
        """
        same_depth = isinstance(self.donor, FitDonor) or self.donor == "pretrained"
        if self.from_layers is None or not same_depth:
            return self
        here, there = self.layers.resolve(n_layers), self.from_layers.resolve(n_layers)
        pair(here, there, n_layers, n_layers)
        return replace(self, from_layers=None if here == there else there)


def pair(layers: Layers, from_layers: Layers, n_layers: int, n_donor: int) -> dict[int, int]:
    """Return for each selected layer, ascending, the layer of the donor that it is paired with.

    Raises:
        SelectionError: A layer does not exist, or the selections differ in size or in other parts.
    """
    here, there = layers.indices(n_layers), from_layers.indices(n_donor)
    beside = " and ".join(sorted(set(layers.beside) ^ set(from_layers.beside)))
    if len(here) != len(there) or beside:
        raise SelectionError(
            f"layers {layers} and from_layers {from_layers} cannot be paired: "
            f"{len(here)} and {len(there)} layers"
            f"{f', and only one has the {beside}' if beside else ''}"
        )
    return dict(zip(here, there, strict=True))


def _depth_of(source: Mapping[str, Tensor], encoder: Encoder) -> int:
    """Return how many layers a donor has, by the names of its parameters."""
    prefix = f"{encoder.anatomy.layers}."
    return len({name.removeprefix(prefix).split(".")[0] for name in source if name.startswith(prefix)})
