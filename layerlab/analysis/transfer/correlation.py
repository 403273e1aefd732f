"""Whether languages that an encoder aligns better with the source lose less in transfer, level by level.

Reference: Muller, Elazar, Sagot, Seddah (2021), "First Align, then Predict", section 5: Spearman correlation
of the transfer gap with the similarity of states, over languages.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd

from layerlab.analysis.effects.sensitivity import ABLATION, SETTING
from layerlab.analysis.significance.inference import (
    RESAMPLES,
    Floats,
    draw_weights,
    false_discovery,
    percentiles,
)
from layerlab.errors import RecordsError

SIMILARITY_COLUMNS = ("model", "source", "target", "layer", "measure", "value")
_WHERE = (*SETTING, *ABLATION)
CORRELATION_COLUMNS = (
    *_WHERE, "measure", "layer", "rho", "low", "high", "p", "q", "n_languages", "languages", "n_seeds",
)  # fmt: skip
_EXACT_LANGUAGES = 7  # up to so many, all 5,040 orders are tried
_FEWEST = 4  # languages for an interval; of 3, a resample seldom has an order left


def correlate(
    gap: pd.DataFrame, similarity: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Correlate the transfer gap with the similarity of states over target languages, at every level.

    Args:
        gap: What ``layerlab.analysis.effects.sensitivity.transfer_gap`` gives; a language's gap is its mean
            over seeds.
        similarity: Records of ``layerlab.measures.bitext_alignment``; ``layer`` 0 is the output of the
            embeddings. ``model`` is the one that was fine-tuned. A column ``measure``, if there is one, goes
            before ``metric``.
        resamples: Of the bootstrap over languages, and of the permutations where there are more than
            7 languages.
        seed: Of what is drawn.

    Returns:
        One row per setting x ablation x measure x layer: Spearman's ``rho`` over ``n_languages``
        ``languages``, its percentile bootstrap interval ``low`` to ``high`` over languages, ``p`` of the
        two-sided permutation test and ``q`` over the layers of a measure (Benjamini-Hochberg). What fewer
        than 3 languages, or values all alike, cannot tell is missing.

    Raises:
        RecordsError: A column is missing, a value occurs twice, or the frames share no model and pair of
            languages.
    """
    _check(gap, ("model", "source", "target", "gap"), "gaps")
    if "measure" not in similarity.columns:
        similarity = similarity.rename(columns={"metric": "measure"})
    _check(similarity, SIMILARITY_COLUMNS, "similarities")
    key = ["model", "source", "target", "layer", "measure"]
    twice = similarity[similarity.duplicated(key)]
    if len(twice):
        raise RecordsError(f"two similarities of {', '.join(map(str, twice.iloc[0][key]))}: expected one")
    means = gap.groupby([*_WHERE, "target"], sort=False, dropna=False)
    mean = means.agg(gap=("gap", "mean"), n_seeds=("seed", "nunique")).reset_index()
    both = mean.merge(similarity[list(SIMILARITY_COLUMNS)], on=["model", "source", "target"])
    both = both[both["gap"].notna() & both["value"].notna()]
    if both.empty:
        raise RecordsError(
            f"no gap has a similarity: gaps of {_names(gap)}, similarities of {_names(similarity)}"
        )
    rows: list[dict[str, Any]] = []
    for where, part in both.groupby([*_WHERE, "measure", "layer"], sort=True, dropna=False):
        found = spearman(part["gap"], part["value"], resamples=resamples, seed=seed)
        languages = {"n_languages": len(part), "languages": ",".join(sorted(part["target"]))}
        named = dict(zip((*_WHERE, "measure", "layer"), where, strict=True))
        rows.append(named | found | languages | {"n_seeds": int(part["n_seeds"].min())})
    table = pd.DataFrame(rows)
    table["q"] = table.groupby([*_WHERE, "measure"], dropna=False)["p"].transform(false_discovery)
    return table[list(CORRELATION_COLUMNS)]


def spearman(x: Any, y: Any, *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, float]:
    """Return Spearman's rho, its bootstrap interval over items and the p value of its permutation test.

    Args:
        x: ``(items,)``.
        y: ``(items,)``.
        resamples: Of the items for the interval; of the orders for p where there are more than 7 items.
        seed: Of what is drawn.

    Returns:
        ``rho``, ``low``, ``high``, ``p``; missing for fewer than 3 items or where all are alike, the interval
        also for fewer than 4.

    >>> found = spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])
    >>> round(found["rho"], 3), round(found["p"], 3)
    (0.821, 0.133)
    """
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    n = len(first)
    missing = dict.fromkeys(("rho", "low", "high", "p"), math.nan)
    if n < 3 or len(set(first)) == 1 or len(set(second)) == 1:
        return missing
    # Rank of an item, up to a constant: items below it less those above it, halved.
    below = [np.sign(values[:, None] - values[None, :]) / 2 for values in (first, second)]
    ranks = [part.sum(axis=1) for part in below]
    scale = math.sqrt(float((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    rho = float(ranks[0] @ ranks[1]) / scale
    generator = np.random.default_rng(seed)
    low, high = math.nan, math.nan
    if n >= _FEWEST:
        weights = draw_weights(n, resamples, generator)
        ends = percentiles(_weighted(weights, below), 0.95)
        low, high = float(ends[0]), float(ends[1])
    orders = _orders(n, resamples, generator)
    at_least = np.abs(ranks[1][orders] @ ranks[0]) / scale >= abs(rho) - 1e-12
    drawn = n > _EXACT_LANGUAGES
    p = float(at_least.sum() + drawn) / (len(orders) + drawn)
    return {"rho": rho, "low": low, "high": high, "p": p}


def _weighted(weights: Floats, below: list[Floats]) -> Floats:
    """Return rho of resamples, ``(resamples,)``, from counts of each item; missing if all are alike."""
    first, second = (weights @ part.T for part in below)
    products = (
        (weights * one * two).sum(axis=1) for one, two in ((first, second), (first, first), (second, second))
    )
    both, own, other = products
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(both / np.sqrt(own * other))


def _orders(n: int, resamples: int, generator: np.random.Generator) -> Any:
    """Return orders of ``n`` items, ``(orders, n)``: all, or drawn ones."""
    if n <= _EXACT_LANGUAGES:
        return np.array(list(itertools.permutations(range(n))))
    return generator.permuted(np.tile(np.arange(n), (resamples, 1)), axis=1)


def _check(frame: pd.DataFrame, columns: tuple[str, ...], what: str) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise RecordsError(f"the frame of {what} lacks the columns {', '.join(missing)}")


def _names(frame: pd.DataFrame) -> str:
    pairs = frame[["model", "source", "target"]].drop_duplicates().head(4)
    return (
        "; ".join(f"{model} {source}-{target}" for model, source, target in pairs.itertuples(index=False))
        or "nothing"
    )
