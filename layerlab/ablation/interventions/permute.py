"""Permute: layers exchange their weights."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from layerlab.ablation.interventions.kinds import intervention
from layerlab.ablation.interventions.notation import WHOLE_LAYER, Components, Selection, refuse_embeddings
from layerlab.ablation.interventions.weights import copy_from
from layerlab.errors import SelectionError

if TYPE_CHECKING:
    from torch import Tensor

    from layerlab.ablation.interventions.donors import Donors
    from layerlab.models.encoder import Encoder


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

    may_not_fit = True  # a layer may be unlike the one whose place it takes

    _layers_only = refuse_embeddings("embeddings cannot take a layer's place; select layers only")

    @field_validator("order")
    @classmethod
    def _refuse_present_order(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if value is not None and list(value) == sorted(set(value)):
            raise ValueError("this order leaves every layer where it is")
        return value

    @property
    def order_depends_on_seed(self) -> bool:
        """Whether the run's seed draws the order."""
        return self.order is None and self.seed is None

    def weights(self, encoder: Encoder, donors: Donors) -> dict[str, Tensor]:
        """Return the layers' values in their new places."""
        here = self.layers.indices(encoder.n_layers)
        check_order(self.order, here)
        selected = encoder.parameters(self.layers)
        if len({name in encoder.own for name in selected}) > 1:
            raise SelectionError(
                f"permute {self.layers}: some of these layers are a language's own and some are shared, and "
                "neither can take the other's place; select layers of one kind"
            )
        order = _draw_order(here, donors.seed_of(self.seed)) if self.order is None else self.order
        own = {name: value.detach().clone() for name, value in selected.items()}
        return copy_from(own, encoder, self.layers, self.components, dict(zip(here, order, strict=True)))

    def at_depth(self, n_layers: int) -> Permute:
        """Return itself, once it is known that ``order`` names each selected layer once."""
        check_order(self.order, self.layers.indices(n_layers))
        return self


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


def _draw_order(layers: tuple[int, ...], seed: int) -> tuple[int, ...]:
    generator = random.Random(seed)
    order = list(layers)
    while tuple(order) == layers:
        generator.shuffle(order)
    return tuple(order)
