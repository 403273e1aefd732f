"""Rate: layers that learn faster or more slowly than the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from layerlab.ablation.interventions.kinds import intervention
from layerlab.ablation.interventions.notation import WHOLE_LAYER, Components, Selection
from layerlab.ablation.interventions.protocols import Undo
from layerlab.errors import NoEffectError, SelectionError

if TYPE_CHECKING:
    from torch import nn

    from layerlab.models.encoder import Encoder


@intervention("rate", phases=("before", "during"), changes_output=False)
class Rate:
    """Scale the learning rate of layers from here on.

    The schedule stays; AdamW's weight decay is scaled with the rate, as it always is. Several multiply. A
    factor of 0 is refused: gradients would be computed, and clipped by, for nothing, and no later factor
    could raise it again; ``freeze`` is for that.

    Attributes:
        layers: The layers; the embeddings count as one below layer 0, what is on top as the highest selected
            layer, and what layers share as the lowest selected part.
        factor: Of the highest selected layer, above 0; may exceed 1.
        decay: A layer's factor over that of the layer above it; ``Rate("embeddings,all", decay=0.95)`` is
            layer-wise decay.
        components: Parts of each layer; empty for the whole layer.

    Reference: Howard & Ruder (2018), arXiv:1801.06146, section 3.2 (discriminative fine-tuning, with a decay
        of 1/2.6).

    >>> Rate("embeddings,0-2", decay=0.5).factors()
    {2: 1.0, 1: 0.5, 0: 0.25, -1: 0.125}
    """

    layers: Selection
    factor: float = Field(default=1.0, gt=0)
    decay: float = Field(default=1.0, gt=0)
    components: Components = WHOLE_LAYER

    def __post_init__(self) -> None:
        """Refuse what leaves every rate as it is.

        Raises:
            ValueError: Neither factor nor decay changes a rate.
        """
        if self.factor == 1 and self.decay == 1:
            raise ValueError("a factor of 1 leaves every learning rate as it is; give factor or decay")

    def at_depth(self, n_layers: int) -> Rate:
        """Refuse a decay over one layer, and return the intervention as it is.

        Raises:
            SelectionError: Nothing is left to decay.
        """
        if self.factor == 1 and set(self.factors().values()) <= {1.0}:
            raise SelectionError(f"rate: a decay over {self.layers} alone changes nothing; give a factor")
        return self

    def factors(self) -> dict[int, float]:
        """Return the factor of each selected layer from the top, -1 for the embeddings.

        The selection is canonical.
        """
        top = self.layers.last
        if top is None:
            return {}
        selected = [*reversed(self.layers.indices(top + 1)), *([-1] if self.layers.embeddings else [])]
        return {layer: self.factor * self.decay ** (top - layer) for layer in selected}

    def factor_of(self, part: int | str) -> float:
        """Return the factor of a selected part, as an encoder's ``part_of`` names it."""
        factors = self.factors()
        if part == "top":
            return self.factor
        if part == "shared":
            return min(factors.items(), default=(0, self.factor))[1]
        return factors[-1 if part == "embeddings" else int(part)]

    def hold(self, encoder: Encoder) -> Undo:
        """Scale the rates that optimisers read, and return what takes it back."""
        from layerlab.models.rates import scale_rates

        resolved = replace(self, layers=self.layers.resolve(encoder.n_layers))
        scaled: dict[nn.Parameter, float] = {}
        for name, parameter in encoder.parameters(self.layers, self.components).items():
            factor = resolved.factor_of(encoder.part_of[name])
            scaled.update({parameter: factor} if factor != 1 else {})
        if not scaled:
            raise NoEffectError(f"rate {self.layers}: the learning rate of every parameter stays as it is")
        return scale_rates(scaled)
