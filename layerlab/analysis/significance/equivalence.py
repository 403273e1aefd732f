"""Whether an effect is so small that it does not matter: what a test against 0 cannot show.

A p value above .05 says that an effect was not found, not that there is none: with few seeds nearly all have
one. The question is turned round here. The null is an effect as large as a margin, and rejecting it shows
that the effect is smaller.

Reference: Schuirmann (1987), "A comparison of the two one-sided tests procedure and the power approach";
Lakens (2017), "Equivalence tests".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from layerlab.errors import RecordsError

Floats = npt.NDArray[np.float64]


def equivalence_test(differences: npt.ArrayLike, margin: float) -> Floats:
    """Test by two one-sided t tests whether the mean of paired differences is within a margin around 0.

    Args:
        differences: ``(..., seeds)``.
        margin: In the unit of the differences, above 0.

    Returns:
        ``(...)`` p values, the larger one of both tests: below .05 the 90% t interval lies within the margin.
        Missing for fewer than two seeds, and where a difference is missing. Differences that are all the same
        leave nothing to test: 0 where they are within the margin, else 1.

    Raises:
        RecordsError: The margin is not above 0.

    >>> equivalence_test([[0.001, -0.002, 0.002, 0.0], [0.02, 0.0, 0.01, -0.01]], 0.01).round(3).tolist()
    [0.001, 0.248]
    """
    if not 0 < margin < np.inf:
        raise RecordsError(f"the margin of an equivalence test is {margin:g}, expected a number above 0")
    values = np.asarray(differences, dtype=np.float64)
    n = values.shape[-1]
    if n < 2:
        return np.full(values.shape[:-1], np.nan)
    mean, error = values.mean(axis=-1), values.std(axis=-1, ddof=1) / n**0.5
    inside = margin - np.abs(mean)
    same = error <= 1e-12 * np.maximum(np.abs(mean), margin)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = stdtr(n - 1, -inside / error)
    p = np.where(same, np.where(inside > 0, 0.0, 1.0), p)
    return np.where(np.isnan(mean), np.nan, p)
