"""Tests, intervals and effect sizes for differences that are paired by seed.

Everything here takes arrays whose last axis is the seeds, and nothing of it knows about records:
``layerlab.analysis.significance.effects`` carries it to a study.

Reference: Phipson and Smyth (2010), "Permutation p-values should never be zero"; Benjamini and Hochberg
(1995), "Controlling the false discovery rate"; Benjamini and Yekutieli (2001), "The control of the false
discovery rate in multiple testing under dependency".
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Up to so many seeds every combination of signs is tried; beyond, some are drawn.
EXACT_SEEDS = 13
_DRAWN = 19_999
RESAMPLES = 4999
_CHUNK = 4_000_000  # numbers held at once while many rows are resampled


def sign_flip_test(differences: npt.ArrayLike, *, seed: int = 0) -> Floats:
    """Test whether paired differences are symmetric around 0, two-sided, by flipping their signs.

    If an ablation changes nothing, a seed's difference is as likely to be ``-d`` as ``d``: the p value is the
    share of all combinations of signs whose mean is at least as far from 0 as the one that was seen.

    Args:
        differences: ``(..., seeds)``.
        seed: Of the combinations drawn where there are more than ``EXACT_SEEDS`` seeds; up to there the test
            is exact and draws nothing.

    Returns:
        ``(...)`` p values, never 0; missing for fewer than two seeds, and where a difference is missing.

    >>> sign_flip_test([[0.1, 0.2, 0.3, 0.2, 0.1], [0.1, -0.1, 0.2, -0.2, 0.0]]).tolist()
    [0.0625, 1.0]
    """
    values = np.asarray(differences, dtype=np.float64)
    flat = values.reshape(-1, values.shape[-1])
    n = flat.shape[-1]
    if n < 2:
        return np.full(values.shape[:-1], np.nan)
    signs = _signs(n, seed)
    seen = np.abs(flat.sum(axis=1))
    slack = 1e-12 * np.abs(flat).sum(axis=1)  # sums of the same numbers in another order are ties
    found = np.empty(len(flat))
    rows = max(1, _CHUNK // len(signs))
    for start in range(0, len(flat), rows):
        part = slice(start, start + rows)
        sums = np.abs(flat[part] @ signs.T)
        found[part] = (sums >= (seen - slack)[part, None]).sum(axis=1)
    # Drawn signs are counted together with those that were seen, which no draw has to repeat.
    p = found / len(signs) if n <= EXACT_SEEDS else (found + 1) / (len(signs) + 1)
    return np.where(np.isnan(seen), np.nan, p).reshape(values.shape[:-1])


def smallest_p(n_seeds: int) -> float:
    """Return the smallest p value that a two-sided sign-flip test can reach: 2 of the ``2 ** n_seeds`` signs.

    >>> [smallest_p(n) for n in (1, 3, 5, 6)]
    [1.0, 0.25, 0.0625, 0.03125]
    """
    if n_seeds <= EXACT_SEEDS:
        return 2.0 / 2.0**n_seeds
    return 1 / (_DRAWN + 1)


def seeds_needed(alpha: float = 0.05, n_tests: int = 1) -> int:
    """Return the number of seeds from which a test can be significant at all.

    With more tests in the family than one, an effect that is alone in it can then still reach ``q <= alpha``.

    >>> seeds_needed(), seeds_needed(n_tests=18)
    (6, 10)
    """
    return max(2, math.ceil(math.log2(2 * n_tests / alpha) - 1e-12))


def false_discovery(p: npt.ArrayLike, method: Literal["bh", "by"] = "bh") -> Floats:
    """Turn the p values of one family into q values: reject ``q <= a``, and at most a share ``a`` is false.

    Args:
        p: ``(tests,)``; missing values stay missing and count as no test.
        method: ``"bh"``, Benjamini and Hochberg, for independent or positively dependent tests, such as those
            that share a baseline; ``"by"``, Benjamini and Yekutieli, for any dependence, more cautious.

    >>> false_discovery([0.01, 0.04, 0.03, float("nan")]).round(3).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    values = np.asarray(p, dtype=np.float64)
    q = np.full(values.shape, np.nan)
    there = ~np.isnan(values)
    tests = values[there]
    if not tests.size:
        return q
    order = np.argsort(tests)
    ranks = np.arange(1, tests.size + 1)
    factor = float((1 / ranks).sum()) if method == "by" else 1.0
    scaled = tests[order] * tests.size * factor / ranks
    adjusted = np.empty(tests.size)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    q[there] = adjusted
    return q


def cohens_dz(differences: npt.ArrayLike) -> Floats:
    """Return Cohen's d_z: the mean of paired differences in units of their standard deviation over seeds.

    It tells how reliable an effect is across seeds, not how large it is in points. Of ``(..., seeds)`` it
    gives ``(...)``: missing for fewer than two seeds and where nothing differs, infinite where all
    differences are the same but not 0.

    Reference: Lakens (2013), "Calculating and reporting effect sizes to facilitate cumulative science".

    >>> cohens_dz([1.0, 2.0, 3.0]).item()
    2.0
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.nan)
    mean, sd = values.mean(axis=-1), values.std(axis=-1, ddof=1)
    sd = np.where(sd <= 1e-12 * np.abs(mean), 0.0, sd)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(mean / sd)


def bootstrap_means(
    differences: npt.ArrayLike, *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Floats, Floats]:
    """Return percentile bootstrap intervals of means over seeds.

    With few seeds they are too narrow (of 5 normal differences they hold the mean 5 times in 6, not 19 in
    20), so prefer the t interval there. Of ``(..., seeds)`` it gives lower and upper ends, ``(...)``, missing
    for fewer than two seeds. All rows share the resamples.
    """
    values = np.asarray(differences, dtype=np.float64)
    flat = values.reshape(-1, values.shape[-1])
    low, high = np.full((2, len(flat)), np.nan)
    if flat.shape[-1] >= 2:
        shares = draw_weights(flat.shape[-1], resamples, np.random.default_rng(seed)) / flat.shape[-1]
        rows = max(1, _CHUNK // resamples)
        for start in range(0, len(flat), rows):
            part = slice(start, start + rows)
            low[part], high[part] = percentiles(flat[part] @ shares.T, level)
    return low.reshape(values.shape[:-1]), high.reshape(values.shape[:-1])


def draw_weights(n: int, resamples: int, generator: np.random.Generator) -> Floats:
    """Draw how often each of ``n`` items occurs in resamples of size ``n``, ``(resamples, n)``."""
    return generator.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


def percentiles(draws: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the ends of the central share ``level`` of draws on the last axis, without missing draws."""
    tail = 50 * (1 - level)
    missing = bool(np.isnan(draws).any())
    low, high = (np.nanpercentile if missing else np.percentile)(draws, [tail, 100 - tail], axis=-1)
    return low, high


def _signs(n: int, seed: int) -> Floats:
    """Return combinations of signs, ``(combinations, n)``: all up to a common factor of -1, or drawn ones."""
    if n > EXACT_SEEDS:
        drawn = np.random.default_rng(seed).integers(0, 2, (_DRAWN, n)) * 2.0 - 1.0
        return drawn.astype(np.float64)
    bits = np.arange(2 ** (n - 1))[:, None] >> np.arange(n)[None, :] & 1
    return (1.0 - 2.0 * bits).astype(np.float64)
