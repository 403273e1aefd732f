"""The table of plain mean scores of every ablation on every target."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from layerlab.analysis.effects.sensitivity import SETTING, aggregate
from layerlab.analysis.effects.sweeps import in_order, select_scores
from layerlab.names import metric_name, task_name
from layerlab.report.style.wording import slug
from layerlab.report.tables.cells import MOST_INTERVALS, fitting, model_title
from layerlab.report.tables.layout import Cell, Row, Section, Table
from layerlab.report.tables.notes import seeds_counted
from layerlab.targets import own_targets


def score_table(frame: pd.DataFrame) -> Table:
    """Lay out the mean score of every ablation on every target in points, with t intervals over its seeds."""
    scores = aggregate(select_scores(frame))
    sections: list[Section] = []
    for key, part in scores.groupby(list(SETTING), sort=False):
        study, model, task, metric, split, source = map(str, key)
        own = own_targets(set(part["target"]), source)
        targets_in_order = [*own, *sorted(set(part["target"]) - set(own))]
        ablations = in_order(part)
        known = {(row["ablation"], row["target"]): row for row in part.to_dict("records")}
        title = f"{model_title(study, model)}, mean scores: {task_name(task)} from {source}"
        seeds = seeds_counted(part["n_seeds"])
        seeds += ", 95% t intervals over seeds" if part["low"].notna().any() else ": no interval"
        note = f"Points of {metric_name(metric)} on the {split} split; {seeds}; nothing is paired or tested."
        label = f"{slug(study or model)}-scores"
        for targets, counted in fitting(targets_in_order, MOST_INTERVALS):
            rows = [
                Row((name,), tuple(_cell(known.get((name, target))) for target in targets), ruled=index == 1)
                for index, name in enumerate(ablations)
            ]
            sections.append(Section(title + counted, ("ablation",), tuple(targets), tuple(rows), note, label))
    return Table(tuple(sections))


def _cell(row: Mapping[Hashable, Any] | None) -> Cell:
    """Make the cell of one mean; a dash where nothing was run."""
    if row is None:
        return Cell(float("nan"))
    half = 100 * (row["high"] - row["mean"])
    return Cell(100 * row["mean"], None if half != half else half, n=int(row["n_seeds"]))
