"""Scores and effects of one setting of a shipped study, each computed once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import pandas as pd

from layerlab.analysis.effects.factors import lacks_factor, with_factors
from layerlab.analysis.effects.scales import POINTS, Scale
from layerlab.analysis.effects.sweeps import FACTORS, NAMED, select_scores, windows
from layerlab.analysis.sentences.bootstrap import hierarchical_bootstrap
from layerlab.analysis.significance.effects import significance
from layerlab.errors import RecordsError, unknown
from layerlab.targets import sources_of
from results.numbers.folders import counts, records

_GAPS = ("gap_change", "domain_gap_change")


class Selection(NamedTuple):
    """What of a study is looked at.

    Attributes:
        name: The study's folder in ``results/``.
        task: Its task.
        source: The source language.
        metric: The metric; empty for the task's main one.
        targets: The zero-shot targets to keep; none means all.
        scale: The scale of effects.
        model: The model; empty for the only one.
    """

    name: str
    task: str
    source: str
    metric: str = ""
    targets: tuple[str, ...] = ()
    scale: Scale = POINTS
    model: str = ""


def rows_of(frame: pd.DataFrame, of: str, where: str) -> pd.DataFrame:
    """Keep rows of ``"source"``, of a target, or for ``"mean"`` of all targets other than the source.

    Raises:
        RecordsError: There are none; says which targets there are.
    """
    foreign = frame["target"] != frame["source"]
    found = frame[{"mean": foreign, "source": ~foreign}.get(of, frame["target"] == of)]
    if found.empty:
        raise RecordsError(f"{where}: {unknown('target', of, {'source', *frame['target']})}")
    return found


@cache
def settings_of(name: str) -> dict[str, list[str]]:
    """List the tasks and sources of a study's scores."""
    scores = select_scores(records(name))
    return {column: list(dict.fromkeys(scores[column])) for column in ("task", "source")}


@cache
def scores(wanted: Selection) -> pd.DataFrame:
    """Return the scores that are looked at; those of encoders that lack a factor are of ablations.

    Raises:
        RecordsError: A target or the model is not there, or there are several; says which are.
    """
    frame = records(wanted.name)
    frame = frame[(frame["task"] == wanted.task) & (frame["source"] == wanted.source)]
    found = with_factors(select_scores(frame, wanted.metric or None))
    # One that lacks a factor is an encoder of its own where it is named.
    found = found[found["model"] == wanted.model] if wanted.model else found[~lacks_factor(found)]
    models = list(dict.fromkeys(found["model"]))
    if len(models) != 1:
        known = models or dict.fromkeys(frame["model"])
        raise RecordsError(f"{wanted.name}: {unknown('model', wanted.model, known)}")
    if missing := [one for one in wanted.targets if one not in set(found["target"])]:
        raise RecordsError(f"{wanted.name}: {unknown('target', missing[0], set(found['target']))}")
    kept = [*wanted.targets, *sources_of(wanted.source)]
    return found[found["target"].isin(kept)] if wanted.targets else found


@cache
def by_seed(wanted: Selection) -> dict[tuple[str, str], dict[int, float]]:
    """Gather scores by ablation and target, then by seed."""
    rows = scores(wanted)
    found: dict[tuple[str, str], dict[int, float]] = {}
    columns = (rows[column] for column in ("ablation", "target", "seed", "value"))
    for ablation, target, seed, value in zip(*columns, strict=True):
        found.setdefault((ablation, target), {})[seed] = value
    return found


@cache
def cells(wanted: Selection) -> dict[tuple[str, bool, str], Mapping[Any, Any]]:
    """Gather effects by ablation, whether they are of the gap, and target."""
    return _gathered(_effects(wanted))


@cache
def cells_over_sentences(wanted: Selection) -> dict[tuple[str, bool, str], Mapping[Any, Any]]:
    """Gather the same with intervals over seeds and test sentences."""
    found = hierarchical_bootstrap(
        scores(wanted), counts(wanted.name), wanted.metric or None, scale=wanted.scale
    )
    return _gathered(found)


def _gathered(effects: pd.DataFrame) -> dict[tuple[str, bool, str], Mapping[Any, Any]]:
    rows = effects.to_dict("records")
    return {(row["ablation"], row["quantity"] in _GAPS, row["target"]): row for row in rows}


@cache
def ablations(wanted: Selection, sweep: str) -> dict[str, set[str]]:
    """Find the ablations that a name, or layers, may mean within a sweep, or within all.

    Layers mean ablations of a sweep, where one has them: those outside of sweeps have names of their own.

    Raises:
        RecordsError: There is no such sweep; says which there are.
    """
    found: dict[str, set[str]] = {}
    alone: dict[str, set[str]] = {}
    sweeps = set()
    for row in cells(wanted).values():
        sweeps.add(row["sweep"])
        if sweep in ("", row["sweep"]):
            found.setdefault(row["ablation"], set()).add(row["ablation"])
            of_layers = alone if row["sweep"] in (NAMED, FACTORS) else found
            of_layers.setdefault(row["layers"], set()).add(row["ablation"])
    if sweep and sweep not in sweeps:
        raise RecordsError(f"{wanted.name}: {unknown('sweep', sweep, sweeps)}")
    return alone | found


@cache
def layers(wanted: Selection, sweep: str) -> list[str]:
    """List the layers of a sweep, or of all sweeps, from the bottom up."""
    effects = _effects(wanted)
    swept = effects["sweep"] == sweep if sweep else ~effects["sweep"].isin([NAMED, FACTORS])
    return windows(effects[swept])


@cache
def _effects(wanted: Selection) -> pd.DataFrame:
    # The bootstrap's intervals are not used.
    return significance(scores(wanted), wanted.metric or None, scale=wanted.scale, resamples=1)
