"""The table of plain mean scores of every ablation on every target."""

from __future__ import annotations

import pandas as pd

from layerlab.analysis.records import BASELINE
from layerlab.analysis.sensitivity import aggregate
from layerlab.analysis.sweeps import select_scores, windows
from layerlab.names import metric_name, task_name
from layerlab.report.style.wording import slug
from layerlab.report.tables.cells import fitting, model_title
from layerlab.report.tables.layout import Cell, Row, Section, Table
from layerlab.report.tables.notes import seeds_counted


def score_table(frame: pd.DataFrame) -> Table:
    """Lay out the mean score of every ablation on every target over its seeds, in points.

    Args:
        frame: Tidy records; each task's own metric is shown.
    """
    scores = aggregate(select_scores(frame))
    sections: list[Section] = []
    shared = ["study", "model", "task", "metric", "split", "source"]
    for key, part in scores.groupby(shared, sort=False):
        study, model, task, metric, split, source = map(str, key)
        others = sorted(set(part["target"]) - {source})
        ablations = windows(part, "ablation")
        ablations = [name for name in ablations if name == BASELINE] + [
            name for name in ablations if name != BASELINE
        ]
        means = part.pivot_table(index="ablation", columns="target", values="mean", sort=False)
        means = 100 * means.reindex(index=ablations, columns=[source, *others])
        title = f"{model_title(study, model)}, mean scores: {task_name(task)} from {source}"
        seeds = seeds_counted(part["n_seeds"])
        note = f"Points of {metric_name(metric)} on the {split} split; {seeds}, nothing is paired or tested."
        label = f"{slug(study or model)}-scores"
        for targets, counted in fitting([source, *others]):
            rows = [
                Row((ablation,), tuple(Cell(float(value)) for value in row), ruled=index == 1)
                for index, (ablation, row) in enumerate(
                    zip(ablations, means[targets].to_numpy(), strict=True)
                )
            ]
            sections.append(Section(title + counted, ("ablation",), tuple(targets), tuple(rows), note, label))
    return Table(tuple(sections))
