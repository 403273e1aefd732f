"""The sentences under a table: what the numbers are and what they rest on."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from layerlab.analysis.sensitivity import MEAN
from layerlab.report.panels import METRIC_NAMES, Panel, points
from layerlab.report.wording import task_words

Parts = Sequence[tuple[Panel, pd.DataFrame]]


def describe(parts: Parts, quantities: Sequence[str]) -> str:
    """Say in plain words of which metric, split, seeds and items the numbers of some panels are.

    Args:
        parts: The panels and their effects.
        quantities: The quantities that are shown, on the source and on the mean of the targets.
    """
    shown = pd.concat([part[part["quantity"].isin(quantities)] for _, part in parts])
    shown = shown[(shown["quantity"] == "source_drop") | (shown["target"] == MEAN)]
    metrics = [
        f"{METRIC_NAMES.get(panel.metric, panel.metric)} for {task_words(panel.task)}" for panel, _ in parts
    ]
    points_of = f"Points of {', '.join(dict.fromkeys(metrics))} on the {parts[0][0].split} split"
    return " ".join([f"{points_of}, paired by seed; {_seeds(shown)}", _items(parts), _targets(parts)]).strip()


def _seeds(shown: pd.DataFrame) -> str:
    fewest, most = int(shown["n_seeds"].min()), int(shown["n_seeds"].max())
    text = f"n seeds = {most}" if fewest == most else f"n seeds = {fewest} to {most}"
    if most == 1:
        text += ": no interval"
    else:
        text += f", 95% t intervals at most ±{points(float((shown['high'] - shown['effect']).max())):.1f}"
    if dropped := int(shown["n_dropped"].max()):
        text += f"; up to {dropped} more without a counterpart left out"
    return f"{text}."


def _items(parts: Parts) -> str:
    """Count the scored items of each task: those of the source, and those of the zero-shot targets."""
    texts = []
    for panel, part in parts:
        own = part[part["quantity"] == "source_drop"]
        mean = part[(part["quantity"] == "zero_shot_drop") & (part["target"] == MEAN)]
        counts = [f"{int(own['n'].max()):,} in {panel.source}"] if len(own) else []
        counts += [f"{int(mean['n'].max()):,} in X"] if len(mean) else []
        texts.append(f"{task_words(panel.task)} {', '.join(counts)}")
    return f"Items scored per seed: {'; '.join(texts)}."


def _targets(parts: Parts) -> str:
    """Say which languages X stands for, once where they are the same for all."""
    others = {}
    for panel, part in parts:
        targets = sorted(set(part[part["quantity"] == "zero_shot_drop"]["target"]) - {MEAN})
        if targets:
            others[f"{task_words(panel.task)} from {panel.source}"] = ", ".join(targets)
    if len(set(others.values())) == 1:
        return f"X = {next(iter(others.values()))}."
    return " ".join(f"X of {name} = {targets}." for name, targets in others.items())
