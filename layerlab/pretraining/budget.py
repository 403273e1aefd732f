"""A budget of parameters: the width at which all layers together have a given size."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, Final

import torch

from layerlab.errors import ArchitectureError
from layerlab.models.anatomy import anatomy_of

_WIDEST: Final = 65_536
#: Fraction of the budget that the layers may miss it by.
_NEAR: Final = 0.25


def sizes_for(kind: str, options: Mapping[str, Any], n_parameters: int) -> dict[str, int]:
    """Return the sizes, of states and of feed-forward parts, at which the layers have so many parameters.

    The width is a multiple of the number of heads, with an even width for each head; the feed-forward part is
    as many times as wide as the architecture has it by default.

    Args:
        kind: The architecture.
        options: What else is set in its config, such as the depth.
        n_parameters: Of all layers together.

    Raises:
        ArchitectureError: The sizes are given too, the architecture has other names for them, or no width
            comes near.

    Reference:
        K et al. 2020, "Cross-Lingual Ability of Multilingual BERT", where depth is varied at a fixed number
        of parameters.
    """
    given = [name for name in ("hidden_size", "intermediate_size") if name in options]
    if given:
        raise ArchitectureError(
            f"architecture: layer_parameters says how wide the model is; leave {' and '.join(given)} out"
        )
    return dict(_search(kind, json.dumps(options, sort_keys=True, default=str), n_parameters))


@functools.lru_cache(maxsize=64)
def _search(kind: str, options: str, wanted: int) -> tuple[tuple[str, int], ...]:
    from transformers import AutoConfig

    plain: dict[str, Any] = json.loads(options)
    default = AutoConfig.for_model(kind)
    if not hasattr(default, "intermediate_size") or not hasattr(default, "num_attention_heads"):
        raise ArchitectureError(
            f"architecture: layer_parameters cannot be used with {kind}, which names its sizes otherwise"
        )
    ratio = default.intermediate_size / default.hidden_size
    unit = 2 * int(plain.get("num_attention_heads", default.num_attention_heads))

    def sizes(number: int) -> dict[str, int]:
        return {"hidden_size": unit * number, "intermediate_size": round(unit * number * ratio)}

    @functools.cache
    def count(number: int) -> int:
        return count_layer_parameters(kind, {**plain, **sizes(number)})

    low, high = 1, max(2, _WIDEST // unit)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= wanted else (low, middle)
    best = min((low, high), key=lambda number: abs(count(number) - wanted))
    if abs(count(best) - wanted) > _NEAR * wanted:
        raise ArchitectureError(
            f"architecture: no width gives the layers of {kind} about {wanted:,} parameters with {plain}; "
            f"the nearest, {sizes(best)['hidden_size']}, gives {count(best):,}"
        )
    return tuple(sizes(best).items())


def count_layer_parameters(kind: str, options: Mapping[str, Any]) -> int:
    """Return how many parameters all layers of an architecture have together; nothing is allocated."""
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model(kind, **options)
    with torch.device("meta"):
        model: Any = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
    layers = model.get_submodule(anatomy_of(kind).layers)
    return sum(parameter.numel() for parameter in layers.parameters())
