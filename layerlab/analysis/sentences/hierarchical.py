"""Effects of a study with intervals over seeds and test sentences together, that cover at few seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from layerlab.analysis.pairing import MEAN, SETTING, paired, pairs_of_effects
from layerlab.analysis.records import BASELINE
from layerlab.analysis.scales import POINTS, Scale
from layerlab.analysis.sentences.influence import Floats, SentenceInfluence
from layerlab.analysis.sentences.variance import hierarchical_interval
from layerlab.analysis.significance import significance
from layerlab.analysis.sweeps import select_scores
from layerlab.targets import own_targets, sources_of

_ABLATION = ("ablation", "phase", "intervention", "layers")
_BASELINE = (BASELINE, "", "", "")
_Row = dict[str, Any]
_Runs = dict[tuple[Any, ...], tuple[str, float, float]]  # run, value, n


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
        counts: What ``layerlab.analysis.counts.load_counts`` gives; effects of which runs have none keep
            their t interval over seeds.
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
    runs, influence = _runs(select_scores(frame, metric, split)), SentenceInfluence(counts, scale)
    found = effect.assign(n_sentences=0)
    attrs = dict(effect.attrs)
    means = _targets_of_means(groups)
    for place, members in zip(effect.index, groups, strict=True):
        row = members[0]
        targets = means[_where(row)] if row["target"] == MEAN else _scored(row["target"], row, runs)
        moved = [
            _moved(members, target, weight, runs, influence)
            for target, weight in _weights(row, targets, runs)
        ]
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


def _where(row: _Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in (*SETTING, *_ABLATION))


def _targets_of_means(groups: Sequence[Sequence[_Row]]) -> dict[tuple[Any, ...], list[str]]:
    """List, for every ablation, the targets that a mean is over."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for members in groups:
        row = members[0]
        if row["quantity"] == "zero_shot_drop" and row["target"] != MEAN:
            found.setdefault(_where(row), []).append(row["target"])
    return found


def _weights(row: _Row, targets: Sequence[str], runs: _Runs) -> Iterator[tuple[str, float]]:
    """Yield the targets whose drops make up an effect, and the weight of each."""
    yield from ((target, 1 / len(targets)) for target in targets)
    if row["quantity"].endswith("gap_change"):
        own = _scored(row["source"], row, runs)
        yield from ((target, -1 / len(own)) for target in own)


def _scored(target: str, row: _Row, runs: _Runs) -> Sequence[str]:
    """Return the targets that an effect's target stands for: of a source of several languages, these."""
    if (*_where(row), target, row["seed"]) in runs:
        return [target]
    scored = [name for name in sources_of(target) if (*_where(row), name, row["seed"]) in runs]
    return own_targets(scored, target)


def _moved(
    members: Sequence[_Row], target: str, weight: float, runs: _Runs, influence: SentenceInfluence
) -> Floats | None:
    """Return how much each sentence of a target moves each seed's effect; None where counts are missing."""
    found = []
    for row in members:
        both = []
        for ablation in (_BASELINE, tuple(row[name] for name in _ABLATION)):
            setting = tuple(row[name] for name in SETTING)
            run_id, value, n = runs[(*setting, *ablation, target, row["seed"])]
            both.append(influence.of(row["study"], run_id, target, row["metric"], value, n))
        reference, ablated = both
        if reference is None or ablated is None:
            return None
        found.append(weight * (reference - ablated))
    return np.stack(found)


def _runs(scores: pd.DataFrame) -> _Runs:
    """Find the run, the value and the n of every score, by what was run, target and seed."""
    found: _Runs = {}
    for row in scores[scores["value"].notna()].to_dict("records"):
        run = _BASELINE if row["ablation"] == BASELINE else tuple(row[name] for name in _ABLATION)
        where = (*(row[name] for name in SETTING), *run, row["target"], row["seed"])
        n = float("nan") if pd.isna(row["n"]) else float(row["n"])
        found[where] = (str(row["run_id"]), float(row["value"]), n)
    return found
