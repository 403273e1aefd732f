"""Reset: the weights of a fresh initialisation, or of the pretrained checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from layerlab.ablation.interventions.kinds import intervention
from layerlab.ablation.interventions.notation import WHOLE_LAYER, Components, Selection
from layerlab.ablation.interventions.weights import copy_from

if TYPE_CHECKING:
    from torch import Tensor

    from layerlab.ablation.interventions.donors import Donors
    from layerlab.models.encoder import Encoder


@intervention("reset")
class Reset:
    """Give layers the weights of a fresh initialisation, or those of the pretrained checkpoint.

    Before fine-tuning, ``to="random"`` is RANDOM-INIT; after it, ``to="pretrained"`` is a rewind.

    Attributes:
        layers: The layers.
        to: ``random``, or ``pretrained``: the checkpoint that the model came from.
        init: ``library`` draws as the architecture's own initialiser does, ``torch`` leaves PyTorch's
            defaults (uniform by fan-in, with biases), which is what the released RANDOM-INIT code gives.
        seed: Of the fresh initialisation; the run's if None. Layers that are reset under one seed get the
            same weights whether they are reset together or apart.
        components: Parts of each layer; empty for the whole layer.

    Reference: Muller et al. (2021), First Align, then Predict, arXiv:2101.11109; Zhang et al. (2019), Are
        All Layers Created Equal?, arXiv:1902.01996; Tamkin et al. (2020), arXiv:2004.14975.

    >>> Reset("0-1", seed=0).layers
    Layers(text='0-1')
    """

    layers: Selection
    to: Literal["random", "pretrained"] = "random"
    init: Literal["library", "torch"] = "library"
    seed: int | None = Field(default=None, ge=0)
    components: Components = WHOLE_LAYER

    def weights(self, encoder: Encoder, donors: Donors) -> dict[str, Tensor]:
        """Return the fresh or pretrained values."""
        if self.to == "pretrained":
            source = donors.pretrained(encoder)
        else:
            source = donors.fresh(encoder, self.init, self.seed)
        return copy_from(source, encoder, self.layers, self.components)
