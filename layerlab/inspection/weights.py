"""Whether weights look trained, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import torch

from layerlab.inspection.finding import Finding, Verdict

if TYPE_CHECKING:
    from layerlab.models.encoder import Encoder

_LARGEST_HALF: Final = 65_504.0
# A part of one layer whose spread is so many times that of the same part in all others is not of this model.
_UNLIKE: Final = 12.0
_QUERY, _KEY = ("query", "q_lin", "q_proj", "query_proj"), ("key", "k_lin", "k_proj", "key_proj")


def look_at_weights(encoder: Encoder) -> Iterator[Finding]:
    """Yield what is odd about the weights of single layers, or that nothing is."""
    odd = [*_fresh_layers(encoder), *_unlike_layers(encoder), *_swapped_biases(encoder)]
    yield from odd or [Finding("weights", "good", f"{encoder.n_layers} layers that look alike and trained")]


def look_at_range(largest: float) -> Finding:
    """Return whether states fit into half precision.

    Args:
        largest: The largest state that was met.
    """
    verdict: Verdict = "doubtful" if largest > _LARGEST_HALF else "good"
    return Finding("largest state", verdict, f"{largest:.4g}; float16 ends at {_LARGEST_HALF:,.0f}")


def _fresh_layers(encoder: Encoder) -> Iterator[Finding]:
    """Yield layers whose norms are as they were before training, while others' are not."""
    fresh = [index for index in range(encoder.n_layers) if _is_fresh(encoder, index)]
    if fresh and len(fresh) < encoder.n_layers:
        listed = ", ".join(map(str, fresh))
        found = f"layer {listed}: norms are 1 and biases 0, as before training; others' are not"
        yield Finding("weights", "broken", found)
    elif fresh:
        yield Finding("weights", "doubtful", "every norm is 1 and every bias 0: the encoder looks untrained")


def _is_fresh(encoder: Encoder, index: int) -> bool:
    vectors = [p.detach() for p in encoder.parameters(index).values() if p.ndim == 1]
    return bool(vectors) and all(bool((one == 0).all() or (one == 1).all()) for one in vectors)


def _unlike_layers(encoder: Encoder) -> Iterator[Finding]:
    """Yield matrices whose spread is far from that of the same matrix in the other layers."""
    spreads: dict[str, dict[int, float]] = {}
    for index in range(encoder.n_layers):
        for name, parameter in encoder.parameters(index).items():
            if parameter.ndim == 2:
                spread = float(parameter.detach().float().std())
                spreads.setdefault(encoder.inside_layer(name), {})[index] = spread
    for name, of_layers in spreads.items():
        middle = float(torch.tensor(list(of_layers.values())).median())
        for index, spread in of_layers.items():
            ratio = spread / middle if middle else float("inf")
            if not 1 / _UNLIKE < ratio < _UNLIKE:
                found = f"{name} of layer {index} spreads {ratio:.3g} times as far as that of other layers"
                yield Finding("weights", "broken", found)


def _swapped_biases(encoder: Encoder) -> Iterator[Finding]:
    """Yield layers whose key bias has learnt and whose query bias has not.

    A bias of the keys adds the same to all scores of a query, which the softmax takes out again: training
    leaves it where it began, near zero. A query bias learns. Where it is the other way round in some layer,
    the two were exchanged.
    """
    swapped, as_it_should = [], 0
    for index, layer in enumerate(encoder.layers):
        query, key = (_bias_of(layer, names) for names in (_QUERY, _KEY))
        if query is None or key is None:
            return
        swapped += [index] if key > 4 * query else []
        as_it_should += query > 4 * key
    if swapped and as_it_should:
        listed = ", ".join(map(str, swapped))
        found = f"layer {listed}: the key bias has learnt and the query bias has not: they were exchanged"
        yield Finding("weights", "broken", found)


def _bias_of(layer: torch.nn.Module, names: tuple[str, ...]) -> float | None:
    """Return the size of a bias in a layer's attention; None where there is none."""
    for path, module in layer.named_modules():
        bias: Any = getattr(module, "bias", None)
        if path.rpartition(".")[2] in names and isinstance(bias, torch.Tensor):
            return float(bias.detach().float().norm())
    return None
