"""Which effects of a study are more than chance: tests, false discoveries, effect sizes, intervals.

What is tested is whether an ablation changes a score when training is repeated with other seeds; languages
and test sentences are taken as given, except by the interval that resamples sentences too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from layerlab.analysis.effects.factors import comparable_scores
from layerlab.analysis.effects.scales import LOG_ODDS, MARGINS, POINTS, Scale, check_scale, log_odds
from layerlab.analysis.effects.scored_runs import Row, ScoredRuns
from layerlab.analysis.effects.sensitivity import (
    EFFECT_COLUMNS,
    MEAN,
    SETTING,
    average_pairs,
    paired,
    pairs_of_effects,
)
from layerlab.analysis.significance.equivalence import equivalence_test
from layerlab.analysis.significance.inference import (
    RESAMPLES,
    Floats,
    bootstrap_means,
    cohens_dz,
    false_discovery,
    seeds_needed,
    sign_flip_test,
    smallest_p,
)
from layerlab.analysis.significance.resampling import SentenceDraws, hierarchical_interval

LEVEL = 0.05  # the share of false discoveries that tables speak of
TEST_COLUMNS = (
    "p", "q", "n_tests", "family", "d_z", "margin", "p_equivalent", "boot_low", "boot_high", "resampled",
)  # fmt: skip
_FAMILY = (*SETTING, "sweep", "quantity")


def significance(
    frame: pd.DataFrame,
    metric: str | None = None,
    *,
    split: str | None = None,
    incomplete: Literal["raise", "drop"] = "raise",
    method: Literal["bh", "by"] = "bh",
    scale: Scale = POINTS,
    margin: float | None = None,
    sentences: pd.DataFrame | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare every ablation with its baseline as ``sensitivity`` does, and test what it finds.

    A family of tests is one quantity of one sweep (one study, model, task, metric, split and source): all
    layers x all targets. Means over targets sum these up and are a family of their own, over the layers.

    Args:
        frame: Tidy records.
        metric: As in ``sensitivity``.
        split: As in ``sensitivity``.
        incomplete: As in ``sensitivity``.
        method: How q values are made of a family's p values, as in ``false_discovery``.
        scale: As in ``sensitivity``.
        margin: The largest effect that does not matter, a fraction in points, for the test of equivalence;
            None means 1 point, or 0.1 log-odds.
        sentences: What each test sentence contributes to the scores, with the columns
            ``layerlab.analysis.significance.resampling.SENTENCE_COLUMNS``; where it has all runs of an
            effect, sentences are resampled with the seeds.
        resamples: Of the bootstrap.
        seed: Of everything that is drawn.

    Returns:
        The frame of ``sensitivity`` and, for every effect: ``p`` of the two-sided sign-flip test over seeds
        (missing for one seed), ``q`` within its ``family`` of ``n_tests`` tests, ``d_z`` (Cohen's, over
        seeds), ``p_equivalent`` of the two one-sided t tests against an effect as large as the ``margin``
        (small values show that the effect is smaller; missing for one seed), the bootstrap interval
        ``boot_low`` to ``boot_high`` and what was ``resampled`` for it (``"seeds"``, ``"sentences"``,
        ``"seeds and sentences"`` or nothing). ``attrs["warnings"]`` says where seeds are too few for any
        test.

    Raises:
        RecordsError: As ``sensitivity``; a margin that is not above 0; or counts of sentences that do not
            give the recorded scores.
    """
    margin = MARGINS[check_scale(scale)] if margin is None else margin
    pairs = paired(frame, metric, split=split, incomplete=incomplete, scale=scale)
    found = pairs_of_effects(pairs)
    effect, groups = average_pairs(pairs, found), list(found.values())
    differences = [np.array([row["effect"] for row in members]) for members in groups]
    effect = effect.assign(**_by_size(differences, margin, resamples, seed), margin=margin)
    effect["resampled"] = ["seeds" if len(members) > 1 else "" for members in groups]
    if sentences is not None:
        draws = SentenceDraws(sentences, resamples, seed)
        runs = ScoredRuns.find(comparable_scores(frame, metric, split), groups)
        _resample_sentences(effect, groups, runs, draws, seed)
    effect = _with_families(effect, method)[[*EFFECT_COLUMNS, *TEST_COLUMNS]]
    effect.attrs.update({"notes": pairs.attrs["notes"], "warnings": _warnings(effect)})
    return effect


def seed_warning(n_seeds: int, n_tests: int = 1, level: float = LEVEL) -> str:
    """Warn that there are too few seeds for any test to reach a level; empty if there are enough.

    An effect that is alone among several tests of a family takes more seeds.

    >>> seed_warning(5)
    'With 5 seeds, p cannot fall below .0625, so no test can reach .05: at least 6 seeds are needed.'
    >>> seed_warning(6)
    ''
    """
    needed, alone = seeds_needed(level), seeds_needed(level, max(1, n_tests))
    if n_seeds >= needed:
        return ""
    wanted, least = (f"{p:.4g}".lstrip("0") for p in (level, smallest_p(n_seeds)))
    text = f"With {n_seeds} seeds, p cannot fall below {least}, so no test can reach {wanted}"
    if n_seeds < 2:
        text = "One seed cannot be tested"
    more = f", or {alone} for one effect alone among {n_tests}," if alone > needed else ""
    return f"{text}: at least {needed} seeds{more} are needed."


def _by_size(differences: list[Floats], margin: float, resamples: int, seed: int) -> dict[str, Floats]:
    """Test effects and give their intervals and sizes, those with as many seeds together."""
    names = ("p", "d_z", "p_equivalent", "boot_low", "boot_high")
    found = {name: np.full(len(differences), np.nan) for name in names}
    for size in {len(values) for values in differences}:
        places = [place for place, values in enumerate(differences) if len(values) == size]
        rows = np.stack([differences[place] for place in places])
        there = np.flatnonzero(~np.isnan(rows).any(axis=1))  # a score of 0 or 1 may have no log-odds
        places, rows = [places[index] for index in there], rows[there]
        if not places:
            continue
        found["p"][places] = sign_flip_test(rows, seed=seed)
        found["d_z"][places] = cohens_dz(rows)
        found["p_equivalent"][places] = equivalence_test(rows, margin)
        low, high = bootstrap_means(rows, resamples=resamples, seed=seed)
        found["boot_low"][places], found["boot_high"][places] = low, high
    return found


def _with_families(effect: pd.DataFrame, method: Literal["bh", "by"]) -> pd.DataFrame:
    """Add the q values within each family, and what the family is."""
    effect = effect.assign(q=np.nan, n_tests=0, family="")
    mean = effect["target"] == MEAN
    for _, part in effect.groupby([*(effect[name] for name in _FAMILY), mean], sort=False):
        effect.loc[part.index, "q"] = false_discovery(part["p"], method)
        effect.loc[part.index, "n_tests"] = int(part["p"].notna().sum())
        n_ablations, n_targets = part["ablation"].nunique(), part["target"].nunique()
        name = f"{part['quantity'].iloc[0]}: {_count(n_ablations, 'ablation')} x "
        name += "the mean over targets" if part["target"].iloc[0] == MEAN else _count(n_targets, "target")
        effect.loc[part.index, "family"] = name
    return effect


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + "s" * (number != 1)


def _warnings(effect: pd.DataFrame) -> list[str]:
    """Warn of every setting in which no effect has the seeds that a test needs."""
    found = []
    for _, part in effect.groupby([*SETTING, "sweep"], sort=False):
        if text := seed_warning(int(part["n_seeds"].max()), int(part["n_tests"].max())):
            row = part.iloc[0]
            found.append(f"{row['model']}, {row['task']} from {row['source']}, {row['sweep']}: {text}")
    return found


def _resample_sentences(
    effect: pd.DataFrame,
    groups: Sequence[Sequence[Row]],
    runs: ScoredRuns,
    draws: SentenceDraws,
    seed: int,
) -> None:
    """Replace the bootstrap intervals of effects whose runs all have counts of sentences."""
    for place, members in enumerate(groups):
        by_seed = [_drawn_effect(member, runs, draws) for member in members]
        there = [drawn for drawn in by_seed if drawn is not None]
        if len(there) == len(by_seed):
            low, high = hierarchical_interval(there, seed=seed)
            what = "seeds and sentences" if len(members) > 1 else "sentences"
            effect.loc[effect.index[place], ["boot_low", "boot_high", "resampled"]] = low, high, what


def _drawn_effect(row: Row, runs: ScoredRuns, draws: SentenceDraws) -> Floats | None:
    """Return one seed's effect in every resample of the sentences; None where counts are missing."""

    def mean_drop(targets: Sequence[str]) -> Floats | None:
        drops = []
        for target in targets:
            both = []
            for one in runs.both(row, target):
                drawn = draws.scores(row["study"], one.run_id, target, row["metric"], one.value)
                if drawn is None:
                    return None
                both.append(log_odds(drawn, one.n) if row["scale"] == LOG_ODDS else drawn)
            drops.append(both[0] - both[1])
        mean: Floats = np.mean(drops, axis=0)
        return mean

    effect, own = mean_drop(runs.targets(row)), runs.own(row)
    if effect is None or not own:
        return effect
    on_source = mean_drop(own)
    return None if on_source is None else effect - on_source
