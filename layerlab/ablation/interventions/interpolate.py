"""Interpolate: a whole fit, its head included, on the line towards another fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from layerlab.ablation.interventions.kinds import intervention
from layerlab.ablation.interventions.notation import FitDonor, Selection
from layerlab.ablation.interventions.weights import check_shapes
from layerlab.errors import DonorError
from layerlab.models.layers import Layers

if TYPE_CHECKING:
    from torch import Tensor, nn

    from layerlab.ablation.interventions.donors import Donors
    from layerlab.models.encoder import Encoder

_WHOLE: Any = Layers("everything")


@intervention("interpolate", phases=["after"])
class Interpolate:
    """Move encoder and head from the fit towards another one: ``own + weight * (donor - own)``.

    The donor is a fit of the study that starts from the same checkpoint and has the same task and labels.

    Attributes:
        donor: The fit at the other end, such as ``{source: fr}``.
        weight: 0 is the fit itself, which changes nothing and is refused; 1 is the donor, bit for bit. Other
            numbers lie beyond the ends.
        layers: What of the encoder moves, all of it by default; the head always does.

    Reference: Wu, Van Durme, Dredze (2022), Zero-shot Cross-lingual Transfer is Under-specified Optimization,
        arXiv:2207.05666.
    """

    donor: FitDonor
    weight: float
    layers: Selection = _WHOLE

    participle = "interpolated"

    def weights(self, encoder: Encoder, donors: Donors) -> dict[str, Tensor]:
        """Return the encoder's values on the line."""
        own = encoder.parameters(self.layers)
        return _between(own, donors.load(self.donor, encoder), self.weight)

    def head_weights(self, head: nn.Module, donors: Donors) -> dict[str, Tensor]:
        """Return the head's values on the line."""
        return _between(dict(head.named_parameters()), donors.head(self.donor), self.weight)


def _between(
    own: Mapping[str, nn.Parameter], given: Mapping[str, Tensor], weight: float
) -> dict[str, Tensor]:
    lacking = [name for name in own if name not in given]
    if lacking:
        raise DonorError(f"the donor lacks {', '.join(lacking[:5])}")
    there = {name: given[name] for name in own}
    check_shapes(there, own)
    # Exact at both ends.
    return {
        name: parameter.detach().lerp(there[name].to(parameter.device, parameter.dtype), weight)
        for name, parameter in own.items()
    }
