"""The interval of an effect over seeds and test sentences: variances of both, studentised, put together.

With few seeds a percentile bootstrap over them is too narrow, since a resample of three seeds varies less
than three new seeds do; and a t interval over seeds holds for these test sentences only. Here the spread
between seeds has the t quantile of its few degrees of freedom, that between sentences its own, and the
squares of both half-widths are added.

Reference: Zou and Donner (2008), "Construction of confidence limits about effect measures: a general
approach" (MOVER); Owen (2007), "The pigeonhole bootstrap", for two factors that are crossed, as seeds and
sentences are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

Floats = npt.NDArray[np.float64]


def hierarchical_interval(
    effects: npt.ArrayLike, influences: Sequence[Floats], *, level: float = 0.95
) -> tuple[float, float]:
    """Return the interval of a mean effect over new seeds and new test sentences.

    The spread between seeds on the same sentences gives ``t(seeds - 1) * sd / sqrt(seeds)``. What is common
    to the seeds in how much each sentence contributes gives the standard error over sentences; what a seed
    and a sentence have between them is in the first part already and is taken off. Both are put together as
    the root of the sum of squares.

    Args:
        effects: One a seed, ``(seeds,)``.
        influences: For each target, how much each of its sentences moves each seed's effect, ``(seeds,
            sentences)``, adding up to 0 over sentences; see ``layerlab.analysis.sentences.influence``.
        level: Of confidence.

    Returns:
        Lower and upper end. With one seed, it is treated as fixed, and the interval is over sentences alone.
        Missing where an effect is missing or a target has fewer than two sentences.
    """
    values = np.asarray(effects, dtype=np.float64)
    n_seeds = len(values)
    fewest = min(one.shape[1] for one in influences)
    mean = float(values.mean())
    if fewest < 2 or np.isnan(mean):
        return float("nan"), float("nan")
    of_mean = sum(_variance(one.mean(axis=0)) for one in influences)
    tail = 0.5 + level / 2
    if n_seeds < 2:
        half = float(stdtrit(fewest - 1, tail)) * of_mean**0.5
        return mean - half, mean + half
    of_each = float(np.mean([sum(_variance(one[seed]) for one in influences) for seed in range(n_seeds)]))
    # Both have what seeds share; of what they do not, the mean of the seeds has only a seeds-th.
    shared = max(0.0, of_mean - (of_each - of_mean) / (n_seeds - 1))
    over_seeds = stdtrit(n_seeds - 1, tail) ** 2 * values.var(ddof=1) / n_seeds
    half = float(np.sqrt(over_seeds + stdtrit(fewest - 1, tail) ** 2 * shared))
    return mean - half, mean + half


def _variance(influence: Floats) -> float:
    """Return the sampling variance of what these influences belong to, ``(sentences,)``."""
    n = len(influence)
    return float(n / (n - 1) * np.square(influence).sum())
