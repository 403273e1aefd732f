"""How much each ablation costs: baseline against ablated, paired by seed, with intervals over seeds.

``layerlab.analysis.effects.pairing`` says which quantities there are.

Reference: Muller, Elazar, Sagot, Seddah (2021), "First Align, then Predict".
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean, stdev
from typing import Any, Literal

import pandas as pd
from scipy.special import stdtrit

from layerlab.analysis.effects.pairing import ABLATION as ABLATION
from layerlab.analysis.effects.pairing import DOMAIN_QUANTITIES as DOMAIN_QUANTITIES
from layerlab.analysis.effects.pairing import LANGUAGE_QUANTITY as LANGUAGE_QUANTITY
from layerlab.analysis.effects.pairing import MEAN as MEAN
from layerlab.analysis.effects.pairing import PAIRED_COLUMNS as PAIRED_COLUMNS
from layerlab.analysis.effects.pairing import QUANTITIES as QUANTITIES
from layerlab.analysis.effects.pairing import SETTING as SETTING
from layerlab.analysis.effects.pairing import WHERE, typed
from layerlab.analysis.effects.pairing import paired as paired
from layerlab.analysis.effects.pairing import pairs_of_effects as pairs_of_effects
from layerlab.analysis.effects.scales import POINTS, Scale, check_scale, scaled
from layerlab.analysis.effects.sweeps import select_scores
from layerlab.targets import own_targets, zero_shot_targets

EFFECT_COLUMNS = (
    *WHERE, "scale", "reference", "reference_low", "reference_high", "ablated", "effect", "low", "high",
    "interval", "n_seeds", "seeds", "n_dropped", "n", "n_targets", "score", "floor",
)  # fmt: skip


def sensitivity(
    frame: pd.DataFrame,
    metric: str | None = None,
    *,
    split: str | None = None,
    incomplete: Literal["raise", "drop"] = "raise",
    scale: Scale = POINTS,
) -> pd.DataFrame:
    """Compare every ablation with its baseline, paired by seed, with 95% intervals over seeds.

    Args:
        frame: Tidy records.
        metric: The metric; none means each task's main one.
        split: The split; none means ``test`` where there is one.
        incomplete: What to do about an ablation without a baseline of the same setting, or without a seed in
            common with it: ``"raise"``, or ``"drop"`` it and say so in ``attrs["notes"]``.
        scale: ``"points"``: effects are differences of fractions; or ``"log-odds"``: of their log-odds, see
            ``layerlab.analysis.effects.scales``. A score without ``n`` that is 0 or 1 has no log-odds.

    Returns:
        One row per setting x ablation x quantity x target: ``reference`` (the baseline's mean over the paired
        seeds; for ``gap_change`` the baseline's gap) and its t interval ``reference_low`` to
        ``reference_high``, ``ablated``, ``effect``, the interval ``low`` to ``high`` (missing for one seed)
        and its kind (``interval``, here ``"t"``), ``n_seeds``, ``seeds`` ("0,1,2"), ``n_dropped`` (seeds
        that one side lacks), ``n`` (items behind one seed's score, summed over the targets of a mean),
        ``n_targets``; ``score``: the baseline's on the target, a fraction on either scale, and ``floor``:
        what the commonest answer alone would score (missing where records do not say); ``scale``;
        ``sweep``: a sweep over layers, or ``named ablations``; and ``options``: what the ablation does.
        ``attrs["notes"]`` lists what was dropped.

    Raises:
        RecordsError: Ablations without a baseline, one run recorded twice, or an unknown metric or split.
    """
    return average_pairs(paired(frame, metric, split=split, incomplete=incomplete, scale=scale))


_AVERAGED = ("reference", "ablated", "effect", "score")


def average_pairs(
    pairs: pd.DataFrame, groups: Mapping[tuple[Any, ...], list[dict[str, Any]]] | None = None
) -> pd.DataFrame:
    """Average what ``paired`` gives over seeds: one row per effect, in the order of ``pairs_of_effects``.

    ``groups`` is what that gives, if it is known already.
    """
    rows = []
    for where, members in (pairs_of_effects(pairs) if groups is None else groups).items():
        low, high = t_interval([row["effect"] for row in members])
        means = {name: fmean(row[name] for row in members) for name in _AVERAGED}
        lowest, highest = t_interval([row["reference"] for row in members])
        ends = {"reference_low": lowest, "reference_high": highest}
        seeds = {"n_seeds": len(members), "seeds": ",".join(str(row["seed"]) for row in members)}
        same = {name: members[0][name] for name in ("n_dropped", "n", "n_targets", "floor", "scale")}
        named = dict(zip(WHERE, where, strict=True))
        rows.append(named | means | ends | {"low": low, "high": high, "interval": "t"} | seeds | same)
    effect = typed(pd.DataFrame(rows, columns=list(EFFECT_COLUMNS)))
    effect.attrs["notes"] = pairs.attrs["notes"]
    return effect


def t_interval(values: list[float], level: float = 0.95) -> tuple[float, float]:
    """Return the t interval of a mean; missing for fewer than two values or a missing one.

    >>> low, high = t_interval([1.0, 2.0, 3.0])
    >>> f"{low:.3f} {high:.3f}"
    '-0.484 4.484'
    """
    if len(values) < 2 or any(value != value for value in values):
        return float("nan"), float("nan")
    mean, error = fmean(values), stdev(values) / len(values) ** 0.5
    half = float(stdtrit(len(values) - 1, 0.5 + level / 2)) * error
    return mean - half, mean + half


def transfer_gap(
    frame: pd.DataFrame, metric: str | None = None, *, split: str | None = None, scale: Scale = POINTS
) -> pd.DataFrame:
    """Return the transfer gap of every run: the score on the source minus that on each target.

    Takes the arguments of ``sensitivity``; runs that were not scored on their source have no gap.

    Returns:
        One row per run and zero-shot target, with ``source_value``, ``target_value`` and ``gap``.
    """
    scores = scaled(select_scores(frame, metric, split), check_scale(scale))
    run = [*SETTING, *ABLATION, "seed", "run_id"]
    on_source = _on_source(scores)
    zero_shot = {
        key: zero_shot_targets(sorted(set(part["target"])), str(key[1]))
        for key, part in scores.groupby(["study", "source"])
    }
    places = zip(scores["study"], scores["source"], scores["target"], strict=True)
    across = [target in zero_shot[study, source] for study, source, target in places]
    gaps = scores[across][[*run, "target", "value"]].rename(columns={"value": "target_value"})
    gaps = gaps.merge(on_source, on=["study", "run_id", "metric"])
    gaps["gap"] = gaps["source_value"] - gaps["target_value"]
    return gaps[[*run, "target", "source_value", "target_value", "gap"]]


def _on_source(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the score on the source, ``source_value``, of every run that was scored on all of it."""
    found = []
    for source, part in scores.groupby("source", sort=False):
        own = own_targets(set(part["target"]), str(source))
        rows = part[part["target"].isin(own)].groupby(["study", "run_id", "metric"], sort=False)["value"]
        means = rows.agg(source_value="mean", n_targets="size").reset_index()
        found.append(means[means["n_targets"] == len(own)].drop(columns="n_targets"))
    return pd.concat(found)


def aggregate(frame: pd.DataFrame) -> pd.DataFrame:
    """Average records over seeds: ``mean``, its t interval ``low`` to ``high``, ``sd`` (n - 1), ``n_seeds``.

    Interval and ``sd`` are missing for one seed.
    """
    keys = [*SETTING, *ABLATION, "target", "layer"]
    groups = frame.groupby(keys, sort=False, dropna=False)
    found = groups.agg(mean=("value", "mean"), sd=("value", "std"), n_seeds=("seed", "nunique"))
    n = found["n_seeds"].clip(lower=2)
    half = stdtrit(n - 1, 0.975) * found["sd"] / n**0.5
    return found.assign(low=found["mean"] - half, high=found["mean"] + half).reset_index()
