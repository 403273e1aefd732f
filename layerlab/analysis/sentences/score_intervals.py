"""Intervals of the scores of one run over its test sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from layerlab.analysis.significance.resampling import PART

# Sums over resampled sentences are computed for so many resamples at a time.
_RESAMPLES, _BATCH = 2000, 100


def score_intervals(counts: pd.DataFrame) -> dict[tuple[str, str], tuple[float, float]]:
    """Return the 95% interval of each score by target and metric: a percentile bootstrap over sentences.

    Args:
        counts: Of one run, with ``target``, ``metric``, the part, ``sentence``, ``hits`` and ``total``.

    Reference: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    >>> rows = [("de", "accuracy", "0", one, one % 2, 1) for one in range(100)]
    >>> columns = ["target", "metric", PART, "sentence", "hits", "total"]
    >>> found = score_intervals(pd.DataFrame(rows, columns=columns))
    >>> low, high = found["de", "accuracy"]
    >>> 0.38 < low < 0.43 and 0.57 < high < 0.62
    True
    """
    found = {}
    for (target, metric), rows in counts.groupby(["target", "metric"], observed=True):
        parts = [part.sort_values("sentence") for _, part in rows.groupby(PART, observed=True)]
        arrays = [part[name].to_numpy(float) for part in parts for name in ("hits", "total")]
        if len(arrays[0]) < 2:
            continue
        interval = bootstrap(
            arrays,
            _score,
            paired=True,
            vectorized=True,
            method="percentile",
            n_resamples=_RESAMPLES,
            batch=_BATCH,
            rng=np.random.default_rng(0),
        ).confidence_interval
        found[str(target), str(metric)] = (float(interval.low), float(interval.high))
    return found


def _score(*arrays: Any, axis: int = -1) -> Any:
    """Return the mean over parts of summed hits over summed totals; a part without total is left out."""
    sums = [array.sum(axis=axis) for array in arrays]
    total = np.array(sums[1::2], dtype=float)
    ratios = np.where(total > 0, np.array(sums[::2]) / np.where(total > 0, total, 1), np.nan)
    return np.nan_to_num(np.nanmean(ratios, axis=0)) if (total > 0).any() else np.zeros_like(total[0])
