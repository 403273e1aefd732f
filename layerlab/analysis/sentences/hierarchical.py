"""Effects of a study with intervals over seeds and test sentences together, that cover at few seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from layerlab.analysis.effects.factors import comparable_scores
from layerlab.analysis.effects.pairing import paired, pairs_of_effects
from layerlab.analysis.effects.scales import POINTS, Scale
from layerlab.analysis.effects.scored_runs import Row, ScoredRuns
from layerlab.analysis.sentences.influence import Floats, SentenceInfluence
from layerlab.analysis.sentences.variance import hierarchical_interval
from layerlab.analysis.significance.effects import significance


def compare_effects(
    frame: pd.DataFrame,
    counts: pd.DataFrame | None,
    metric: str | None = None,
    *,
    scale: Scale = POINTS,
    margin: float | None = None,
) -> pd.DataFrame:
    """Compare, test, and give the intervals that records and counts allow; what is incomplete is dropped."""
    wanted: dict[str, Any] = {"incomplete": "drop", "scale": scale, "margin": margin}
    if counts is None:
        return significance(frame, metric, **wanted)
    return hierarchical_effects(frame, counts, metric, **wanted)


def hierarchical_effects(
    frame: pd.DataFrame,
    counts: pd.DataFrame,
    metric: str | None = None,
    *,
    split: str | None = None,
    incomplete: Literal["raise", "drop"] = "raise",
    scale: Scale = POINTS,
    margin: float | None = None,
) -> pd.DataFrame:
    """Compare every ablation with its baseline, with 95% intervals over seeds and test sentences.

    Args:
        frame: Tidy records.
        counts: What ``layerlab.analysis.sentences.counts.load_counts`` gives; effects of which runs have
            none keep their t interval over seeds.
        metric: As in ``sensitivity``.
        split: As in ``sensitivity``.
        incomplete: As in ``sensitivity``.
        scale: As in ``sensitivity``.
        margin: As in ``significance``.

    Returns:
        The frame of ``significance`` in which ``low`` to ``high`` is what
        ``layerlab.analysis.sentences.variance`` describes and ``interval`` is ``"hierarchical"``; beside it
        ``n_sentences``, summed over the targets of a mean.

    Raises:
        RecordsError: As ``significance``, or counts that do not give the recorded scores.
    """
    wanted: dict[str, Any] = {"split": split, "incomplete": incomplete, "scale": scale}
    effect = significance(frame, metric, margin=margin, **wanted)
    groups = list(pairs_of_effects(paired(frame, metric, **wanted)).values())
    runs = ScoredRuns.find(comparable_scores(frame, metric, split), groups)
    influence = SentenceInfluence(counts, scale)
    found = effect.assign(n_sentences=0)
    attrs = dict(effect.attrs)
    for place, members in zip(effect.index, groups, strict=True):
        targets, own = runs.targets(members[0]), runs.own(members[0])
        weights = [(target, 1 / len(targets)) for target in targets]
        weights += [(target, -1 / len(own)) for target in own]
        moved = [_moved(members, target, weight, runs, influence) for target, weight in weights]
        if there := [one for one in moved if one is not None]:
            if len(there) < len(moved):
                continue
            low, high = hierarchical_interval([one["effect"] for one in members], there)
            if low == low:
                sentences = sum(one.shape[1] for one in there[: len(targets)])
                columns = ["low", "high", "interval", "n_sentences"]
                found.loc[place, columns] = [low, high, "hierarchical", sentences]
    found.attrs.update(attrs)
    return found


def _moved(
    members: Sequence[Row], target: str, weight: float, runs: ScoredRuns, influence: SentenceInfluence
) -> Floats | None:
    """Return how much each sentence of a target moves each seed's effect; None where counts are missing."""
    found = []
    for row in members:
        reference, ablated = (
            influence.of(row["study"], one.run_id, target, row["metric"], one.value, one.n)
            for one in runs.both(row, target)
        )
        if reference is None or ablated is None:
            return None
        found.append(weight * (reference - ablated))
    return np.stack(found)
