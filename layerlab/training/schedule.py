"""The learning rate of a step: linear warm-up, then linear decay to zero after the last step."""

from __future__ import annotations


def linear_rate(peak: float, step: int, n_steps: int, n_warmup: int) -> float:
    """Return the learning rate of a 0-based step; the last of ``n_warmup`` steps has the peak.

    >>> [linear_rate(0.5, step, n_steps=10, n_warmup=2) for step in (0, 1, 2, 9)]
    [0.25, 0.5, 0.5, 0.0625]
    """
    if step < n_warmup:
        return peak * (step + 1) / n_warmup
    return peak * (n_steps - step) / max(1, n_steps - n_warmup)


def rate_factor(step: int, n_steps: int, warmup: float) -> float:
    """Return the fraction of the peak learning rate for a 0-based step; ``warmup`` is a fraction too.

    >>> [round(rate_factor(step, 10, 0.2), 3) for step in (0, 1, 2, 9)]
    [0.5, 1.0, 1.0, 0.125]
    """
    return linear_rate(1.0, step, n_steps, int(n_steps * warmup))
