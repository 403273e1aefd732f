"""Scales on which an effect can be stated: points, and log-odds.

A drop of one point makes 40 errors of a hundred words 41, and one error two. On the scale of log-odds a drop
counts in proportion to the right and the wrong answers that there are, so that a source near its ceiling and
targets far from it can be compared.

Reference: Haldane (1956) and Anscombe (1956), who add half a count to right and wrong; Jaeger (2008),
"Categorical data analysis: away from ANOVAs and towards logit mixed models".
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from layerlab.errors import RecordsError, unknown

Floats = npt.NDArray[np.float64]
Scale = Literal["points", "log-odds"]

POINTS: Final[Scale] = "points"
LOG_ODDS: Final[Scale] = "log-odds"
SCALES: Final[tuple[Scale, ...]] = (POINTS, LOG_ODDS)

#: What is too small to matter unless a user says otherwise: one point (a fraction), or a tenth of the odds.
MARGINS: Final[dict[Scale, float]] = {POINTS: 0.01, LOG_ODDS: 0.1}


def check_scale(scale: str) -> Scale:
    """Return a scale by its name.

    Raises:
        RecordsError: There is no such scale; says which there are.
    """
    for known in SCALES:
        if scale == known:
            return known
    raise RecordsError(unknown("scale", scale, SCALES))


def log_odds(value: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Return the logarithm of right over wrong, of fractions of ``n`` counts.

    Half a count is added to the right and to the wrong ones, so that 0 and 1 stay finite: all right of 1,000
    is better than all right of 10. Where ``n`` is missing nothing can be added, and 0 and 1 are missing.

    Args:
        value: Fractions, ``(...)``.
        n: What they are fractions of, of a shape that goes with theirs; missing or 0 for unknown.

    >>> log_odds([0.5, 0.99, 1.0, 1.0], [100, 1000, 10, 1000]).round(2).tolist()
    [0.0, 4.55, 3.04, 7.6]
    >>> log_odds([0.9, 1.0], float("nan")).round(2).tolist()
    [2.2, nan]
    """
    fractions, counts = np.asarray(value, dtype=np.float64), np.asarray(n, dtype=np.float64)
    known = counts > 0
    right = np.where(known, fractions * counts + 0.5, fractions)
    wrong = np.where(known, (1 - fractions) * counts + 0.5, 1 - fractions)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log(right / wrong)
    return np.where(np.isfinite(found), found, np.nan)


def slope(value: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Return how much ``log_odds`` grows with the fraction, its derivative.

    >>> slope([0.5, 0.99], [100, 1000]).round(1).tolist()
    [4.0, 96.2]
    """
    fractions, counts = np.asarray(value, dtype=np.float64), np.asarray(n, dtype=np.float64)
    half = np.where(counts > 0, 0.5 / np.where(counts > 0, counts, 1), 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(1 / (fractions + half) + 1 / (1 - fractions + half))


def scaled(scores: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """Give records the column ``score``, their value as a fraction, and put ``value`` on a scale."""
    scores = scores.assign(score=scores["value"])
    if scale == POINTS:
        return scores
    n = scores["n"].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    return scores.assign(value=log_odds(scores["value"], n))
