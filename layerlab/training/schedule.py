"""The learning rate of a step: linear warm-up, then linear decay to zero after the last step."""

from __future__ import annotations


def linear_rate(peak: float, step: int, n_steps: int, n_warmup: int) -> float:
    """Return the learning rate of a 0-based step.

    Args:
        peak: The highest rate, reached in the last step of the warm-up.
        step: 0-based.
        n_steps: Optimiser steps in all.
        n_warmup: Steps in which the rate rises.

    >>> [linear_rate(0.5, step, n_steps=10, n_warmup=2) for step in (0, 1, 2, 9)]
    [0.25, 0.5, 0.5, 0.0625]
    """
    if step < n_warmup:
        return peak * (step + 1) / n_warmup
    return peak * (n_steps - step) / max(1, n_steps - n_warmup)


def rate_factor(step: int, n_steps: int, warmup: float) -> float:
    """Return the fraction of the peak learning rate for a 0-based step.

    Args:
        step: 0-based.
        n_steps: Optimiser steps in all.
        warmup: Fraction of the steps in which the rate rises.

    >>> [round(rate_factor(step, 10, 0.2), 3) for step in (0, 1, 2, 9)]
    [0.5, 1.0, 1.0, 0.125]
    """
    return linear_rate(1.0, step, n_steps, int(n_steps * warmup))
