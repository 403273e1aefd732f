"""Scale: weights on the line through a donor's, or zero, and the present ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import field_validator

from layerlab.ablation.interventions.kinds import intervention
from layerlab.ablation.interventions.notation import WHOLE_LAYER, Components, Donor, Selection
from layerlab.ablation.interventions.protocols import is_elsewhere
from layerlab.ablation.interventions.weights import check_shapes, copy_from

if TYPE_CHECKING:
    from torch import Tensor

    from layerlab.ablation.interventions.donors import Donors
    from layerlab.models.encoder import Encoder


@intervention("scale")
class Scale:
    """Scale weights, towards zero or towards a donor's: ``donor + factor * (own - donor)``.

    Attributes:
        layers: The layers.
        factor: 0 gives the donor's weights; may exceed 1. 1 would leave weights as they are and is refused.
        donor: Folder or Hub id, ``pretrained``, or a fit of the study; zero if None.
        components: Parts of each layer; empty for the whole layer.
    """

    layers: Selection
    factor: float
    donor: Donor | None = None
    components: Components = WHOLE_LAYER

    @field_validator("factor")
    @classmethod
    def _refuse_one(cls, value: float) -> float:
        if value == 1:
            raise ValueError("a factor of 1 leaves every weight as it is")
        return value

    @property
    def may_not_fit(self) -> bool:
        """True for another checkpoint, whose layers may differ."""
        return is_elsewhere(self.donor)

    def weights(self, encoder: Encoder, donors: Donors) -> dict[str, Tensor]:
        """Return the scaled values."""
        own = encoder.parameters(self.layers, self.components)
        if self.donor is None:
            return {name: parameter.detach() * self.factor for name, parameter in own.items()}
        given = copy_from(donors.load(self.donor, encoder), encoder, self.layers, self.components)
        check_shapes(given, own)
        scaled = {}
        for name, parameter in own.items():
            there = given[name].to(parameter.device, parameter.dtype)
            scaled[name] = there + self.factor * (parameter.detach() - there)
        return scaled
