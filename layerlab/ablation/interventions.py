"""What can be done to layers: reset, swap, permute, scale, freeze, unfreeze, skip.

Interventions are frozen values; nothing here touches a model or imports torch.
:func:`layerlab.ablation.apply.apply` carries them out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from layerlab.ablation.depth import check_order, settle_swap
from layerlab.ablation.fields import (
    SAME_LAYERS,
    WHOLE_LAYER,
    Components,
    Donor,
    FitDonor,
    OptionalSelection,
    Selection,
)
from layerlab.ablation.registry import (
    PHASES,
    Edit,
    Intervention,
    Standing,
    changes_output,
    from_dict,
    intervention,
    is_standing,
    kind_of,
    known_interventions,
    options_of,
    phases_of,
    to_dict,
)
from layerlab.models.anatomy import Component
from layerlab.models.layers import Layers

if TYPE_CHECKING:
    from torch import Tensor

    from layerlab.ablation.donors import Donors
    from layerlab.models.encoder import Encoder

__all__ = [
    "PHASES",
    "Component",
    "Edit",
    "FitDonor",
    "Freeze",
    "Intervention",
    "Permute",
    "Reset",
    "Scale",
    "Selection",
    "Skip",
    "Standing",
    "Swap",
    "Unfreeze",
    "changes_output",
    "from_dict",
    "intervention",
    "is_standing",
    "kind_of",
    "known_interventions",
    "options_of",
    "phases_of",
    "to_dict",
]


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
        from layerlab.ablation import edits

        return edits.reset(self, encoder, donors)


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

    def weights(self, encoder: Encoder, donors: Donors) -> dict[str, Tensor]:
        """Return the donor's values."""
        from layerlab.ablation import edits

        return edits.swap(self, encoder, donors)

    def at_depth(self, n_layers: int) -> Swap:
        """Return the swap with ``from_layers`` settled, where the donor has the same depth."""
        return settle_swap(self, n_layers)


@intervention("permute")
class Permute:
    """Exchange the weights of layers among themselves.

    Attributes:
        layers: The layers.
        order: For each selected layer, ascending, the layer whose weights it gets: ``(2, 0, 1)`` for layers
            0-2; drawn at random, and never the order that is there, if None.
        seed: Of the random order; the run's if None.
        components: Parts of each layer; empty for the whole layer.
    """

    layers: Selection
    order: tuple[int, ...] | None = None
    seed: int | None = Field(default=None, ge=0)
    components: Components = WHOLE_LAYER

    @field_validator("layers")
    @classmethod
    def _refuse_embeddings(cls, value: Layers) -> Layers:
        if value.embeddings:
            raise ValueError("embeddings cannot take a layer's place; select layers only")
        return value

    @field_validator("order")
    @classmethod
    def _refuse_present_order(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if value is not None and list(value) == sorted(set(value)):
            raise ValueError("this order leaves every layer where it is")
        return value

    def weights(self, encoder: Encoder, donors: Donors) -> dict[str, Tensor]:
        """Return the layers' values in their new places."""
        from layerlab.ablation import edits

        return edits.permute(self, encoder, donors)

    def at_depth(self, n_layers: int) -> Permute:
        """Return itself, once it is known that ``order`` names each selected layer once."""
        check_order(self.order, self.layers.indices(n_layers))
        return self


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

    def weights(self, encoder: Encoder, donors: Donors) -> dict[str, Tensor]:
        """Return the scaled values."""
        from layerlab.ablation import edits

        return edits.scale(self, encoder, donors)


@intervention("freeze", phases=("before", "during"), changes_output=False)
class Freeze:
    """Let layers learn nothing from here on.

    Attributes:
        layers: The layers.
        dropout: Whether dropout inside them stays on while the model trains. With ``False`` it is off for as
            long as they are frozen, whatever ``model.train()`` says.
        components: Parts of each layer; empty for the whole layer.

    Reference: Lee et al. (2019), What Would Elsa Do?, arXiv:1911.03090; Wu & Dredze (2019),
        arXiv:1904.09077.
    """

    layers: Selection
    dropout: bool = True
    components: Components = WHOLE_LAYER

    def hold(self, encoder: Encoder) -> Callable[[], None]:
        """Freeze, and return what thaws the parameters that were not frozen before."""
        from layerlab.ablation import standing

        return standing.freeze(self, encoder)


@intervention("unfreeze", phases=("during",), changes_output=False)
class Unfreeze:
    """Let layers learn again.

    Attributes:
        layers: The layers.
        components: Parts of each layer; empty for the whole layer.

    Reference: Howard & Ruder (2018), arXiv:1801.06146, for unfreezing from the top.
    """

    layers: Selection
    components: Components = WHOLE_LAYER

    def hold(self, encoder: Encoder) -> Callable[[], None]:
        """Unfreeze, and return what freezes the parameters that were frozen before."""
        from layerlab.ablation import standing

        return standing.unfreeze(self, encoder)


@intervention("skip")
class Skip:
    """Pass hidden states by layers as if they were not there.

    Without components a layer's output is its input. With ``attention`` or ``ffn``, that sub-block adds
    nothing to the residual stream; norms of the layer still act. The skipped part is computed and thrown
    away, so that it draws the same dropout and later layers stay paired with the baseline's.

    Attributes:
        layers: The layers.
        components: ``attention``, ``ffn`` or both; empty for the whole layer.

    Reference: Sajjad et al. (2023), arXiv:2004.03844; Fan et al. (2020), arXiv:1909.11556.
    """

    layers: Selection
    components: Components = WHOLE_LAYER

    @field_validator("layers")
    @classmethod
    def _refuse_embeddings(cls, value: Layers) -> Layers:
        if value.embeddings:
            raise ValueError("embeddings cannot be skipped: there are no hidden states before them")
        return value

    @field_validator("components")
    @classmethod
    def _refuse_norm(cls, value: tuple[Component, ...]) -> tuple[Component, ...]:
        if "norm" in value:
            raise ValueError(
                "norms cannot be skipped: they add nothing to the residual stream, they rescale it"
            )
        return value

    def hold(self, encoder: Encoder) -> Callable[[], None]:
        """Install the bypass, and return what removes it."""
        from layerlab.ablation import standing

        return standing.skip(self, encoder)
