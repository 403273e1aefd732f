"""Weight drift: how far fine-tuning, or an ablation, moved each layer's weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from layerlab.errors import DataError
from layerlab.models.anatomy import COMPONENTS, Component
from layerlab.models.encoder import Encoder, as_encoder

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Drift:
    """How far the weights of one layer, or of one component of it, are from those before.

    Attributes:
        layer: 0 for the embeddings, ``i + 1`` for layer ``i``: the level of the states that they give.
        component: ``attention``, ``ffn`` or ``norm``; empty for all weights.
        distance: Euclidean distance of both, relative to the norm of the weights before; NaN if that is 0.
        cosine: Cosine of both; NaN if either is 0.
        n: Number of weights.
    """

    layer: int
    component: str
    distance: float
    cosine: float
    n: int

    def metrics(self) -> dict[str, float]:
        """Return the values by their names in records.

        >>> Drift(1, "ffn", 0.5, 0.9, 100).metrics()
        {'drift_ffn': 0.5, 'drift_cosine_ffn': 0.9}
        """
        end = f"_{self.component}" if self.component else ""
        return {f"drift{end}": self.distance, f"drift_cosine{end}": self.cosine}


def weight_drift(before: Encoder | PreTrainedModel, after: Encoder | PreTrainedModel) -> Iterator[Drift]:
    """Compare the weights of two models of the same shape, from the embeddings to the last layer.

    Of each layer all weights are compared as one vector, then those of attention, feed-forward and norms by
    themselves where the architecture's anatomy says which these are. What several layers share, and what
    comes after the last, such as a pooler, is left out. Sums are in float64.

    Raises:
        DataError: The models differ in depth, or in names or shapes of weights.
    """
    first, second = as_encoder(before), as_encoder(after)
    if first.n_layers != second.n_layers:
        raise DataError(
            f"the models have {first.n_layers} and {second.n_layers} layers; expected as many in both"
        )
    yield _compare(0, "", *_weights(first, second, "embeddings"))
    for layer in range(first.n_layers):
        yield _compare(layer + 1, "", *_weights(first, second, layer))
        for component in COMPONENTS if first.component_of else ():
            pair = _weights(first, second, layer, [component])
            if pair[0]:
                yield _compare(layer + 1, component, *pair)


def _weights(
    first: Encoder, second: Encoder, layers: str | int, components: Sequence[Component] = ()
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the weights of a part of both models in the same order."""
    here, there = first.parameters(layers, components), second.parameters(layers, components)
    shapes = [{name: tuple(weight.shape) for name, weight in part.items()} for part in (here, there)]
    if shapes[0] != shapes[1]:
        name = sorted(set(shapes[0].items()) ^ set(shapes[1].items()))[0][0]
        told = " and ".join(str(shape.get(name, "nothing")) for shape in shapes)
        raise DataError(f"the models differ at {name}: {told}; expected weights of the same names and shapes")
    return [weight.detach() for weight in here.values()], [there[name].detach() for name in here]


def _compare(layer: int, component: str, before: Sequence[Tensor], after: Sequence[Tensor]) -> Drift:
    apart = inner = old = new = 0.0
    n = 0
    for one, other in zip(before, after, strict=True):
        x, y = one.to("cpu", torch.float64).flatten(), other.to("cpu", torch.float64).flatten()
        apart += float((y - x).square().sum())
        inner += float(x @ y)
        old += float(x.square().sum())
        new += float(y.square().sum())
        n += x.numel()
    distance = math.sqrt(apart / old) if old else math.nan
    cosine = max(-1.0, min(1.0, inner / math.sqrt(old * new))) if old and new else math.nan
    return Drift(layer, component, distance, cosine, n)
