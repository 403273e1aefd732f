"""What each layer window costs in several studies, side by side."""

from __future__ import annotations

import pandas as pd

from layerlab.analysis.effects.sensitivity import QUANTITIES
from layerlab.report.style.groups import Group, comparable, line_names
from layerlab.report.style.panels import places
from layerlab.report.tables.cells import pair_cells
from layerlab.report.tables.layout import Cell, Row, Section, Table
from layerlab.report.tables.notes import describe


def comparison_table(effect: pd.DataFrame) -> Table:
    """Lay out what ablations cost in several studies: a row a window, two columns a study.

    ``REF`` is the baseline's score; all others are differences from it with half of their interval. One
    section for each task, source and sweep.

    Args:
        effect: What ``layerlab.analysis.effects.sensitivity`` gives for the records of several studies.

    Raises:
        RecordsError: Nothing to compare.
    """
    return Table(tuple(_section(group) for group in comparable(effect)))


def _section(group: Group) -> Section:
    first, _ = group[0]
    order = places(pd.concat([part for _, part in group]))
    columns: list[str] = []
    cells: list[tuple[Cell, ...]] = []
    for name, (panel, part) in zip(line_names(group), group, strict=True):
        for pair, found in pair_cells(panel, part, order):
            columns.append(f"{name} {pair}")
            cells.append(found)
    rows = [
        Row((place,), tuple(column[number] for column in cells), ruled=number == 1)
        for number, place in enumerate(["REF", *order])
    ]
    start = "REF = baseline score; all other numbers are differences from it."
    note = f"{start} {describe(group, QUANTITIES[:2])}"
    title = f"{first.title}, {first.words} ({first.metric_words})"
    names = ("ablation" if first.named else "layers",)
    return Section(title, names, tuple(columns), tuple(rows), note, layers="" if first.named else "rows")
