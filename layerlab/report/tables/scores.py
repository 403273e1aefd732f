"""The table of plain mean scores of every ablation on every target."""

from __future__ import annotations

import pandas as pd

from layerlab.analysis.sensitivity import SETTING, aggregate
from layerlab.analysis.sweeps import in_order, select_scores
from layerlab.names import metric_name, task_name
from layerlab.report.style.wording import slug
from layerlab.report.tables.cells import fitting, model_title
from layerlab.report.tables.layout import Cell, Row, Section, Table
from layerlab.report.tables.notes import seeds_counted
from layerlab.targets import own_targets


def score_table(frame: pd.DataFrame) -> Table:
    """Lay out the mean score of every ablation on every target over its seeds, in points."""
    scores = aggregate(select_scores(frame))
    sections: list[Section] = []
    for key, part in scores.groupby(list(SETTING), sort=False):
        study, model, task, metric, split, source = map(str, key)
        own = own_targets(set(part["target"]), source)
        targets_in_order = [*own, *sorted(set(part["target"]) - set(own))]
        ablations = in_order(part)
        means = part.pivot_table(index="ablation", columns="target", values="mean", sort=False)
        means = 100 * means.reindex(index=ablations, columns=targets_in_order)
        title = f"{model_title(study, model)}, mean scores: {task_name(task)} from {source}"
        seeds = seeds_counted(part["n_seeds"])
        note = f"Points of {metric_name(metric)} on the {split} split; {seeds}, nothing is paired or tested."
        label = f"{slug(study or model)}-scores"
        for targets, counted in fitting(targets_in_order):
            cells = [tuple(Cell(float(value)) for value in row) for row in means[targets].to_numpy()]
            rows = [Row((name,), cells[index], ruled=index == 1) for index, name in enumerate(ablations)]
            sections.append(Section(title + counted, ("ablation",), tuple(targets), tuple(rows), note, label))
    return Table(tuple(sections))
