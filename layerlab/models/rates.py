"""Factors of parameters' learning rates, which an optimiser reads."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

_FACTORS = "layerlab_rate_factors"


def scale_rates(factors: Mapping[nn.Parameter, float]) -> Callable[[], None]:
    """Multiply the learning rates of parameters, and return what takes it back.

    The factors are kept with the parameters, since whoever gives them knows no optimiser. Several multiply;
    each is taken back alone, in any order.

    >>> import torch
    >>> weight = nn.Parameter(torch.zeros(2))
    >>> first, second = scale_rates({weight: 0.5}), scale_rates({weight: 0.1})
    >>> rate_of(weight), first(), rate_of(weight)
    (0.05, None, 0.1)
    """
    for parameter, factor in factors.items():
        setattr(parameter, _FACTORS, (*_factors(parameter), factor))

    def undo() -> None:
        for parameter, factor in factors.items():
            left = list(_factors(parameter))
            left.remove(factor)
            setattr(parameter, _FACTORS, tuple(left))

    return undo


def rate_of(parameter: nn.Parameter) -> float:
    """Return the factor of a parameter's learning rate; 1 unless something scaled it."""
    return math.prod(_factors(parameter), start=1.0)


def _factors(parameter: nn.Parameter) -> tuple[float, ...]:
    found: Any = getattr(parameter, _FACTORS, ())
    return tuple(found)
