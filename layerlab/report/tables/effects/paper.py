"""The paper's main table: what each layer window costs on the source and on the mean of the targets."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import pandas as pd

from layerlab.analysis.effects.sensitivity import QUANTITIES, sensitivity
from layerlab.report.style.panels import Panel, panels, places
from layerlab.report.style.units import unit_of
from layerlab.report.tables.cells import (
    MOST_COLUMNS,
    MOST_INTERVALS,
    pair_cells,
    panel_section,
)
from layerlab.report.tables.layout import Row, Table, transposed
from layerlab.report.tables.notes import Parts, describe


def paper_table(frame: pd.DataFrame, *, intervals: bool = True) -> Table:
    """Lay out the paper's main table: what each layer window costs, in points.

    Two rows per task and source: ``en-en``, the source itself, and ``en-X``, the mean over the zero-shot
    targets. ``REF`` is the baseline's score; each window has the difference from it, negative where
    the ablation hurts. One section per study, model and sweep. Ablations that their authors named make one
    section. It is transposed, with a row for each name, and so is a sweep of more windows than fit a page.

    Args:
        frame: Tidy records, or what ``layerlab.analysis.effects.sensitivity`` gives.
        intervals: Show half the width of each 95% interval beside the number.

    Raises:
        RecordsError: Nothing to compare.

    Reference: Muller, Elazar, Sagot, Seddah (2021), "First Align, then Predict", Table 1.
    """
    effect = frame if "effect" in frame.columns else sensitivity(frame)
    sections = []
    for parts in _sections(panels(effect)):
        panel = parts[0][0]
        columns = ("REF", *places(pd.concat([part for _, part in parts])))
        rows: list[Row] = []
        for one, part in parts:
            rows += _rows(one, part, _task(one, parts), columns[1:], intervals)
        rows = [replace(row, ruled=bool(row.names[0]) and number > 0) for number, row in enumerate(rows)]
        names: tuple[str, ...] = ("task", "pair")
        if panel.named or len(columns) > (MOST_INTERVALS if intervals else MOST_COLUMNS):
            names, columns, rows = (), _headers(rows), list(transposed(columns, rows))
        start = "REF = baseline score; all other numbers are differences from it."
        note = f"{start} {describe(parts, QUANTITIES[:2])}"
        unit = unit_of(parts[0][1])
        sections.append(panel_section(panel, "", columns, rows, note, names=names, unit=unit))
    return Table(tuple(sections))


def _task(panel: Panel, parts: Parts) -> str:
    """Name a panel's task, with its metric where another panel of the section has another."""
    metrics = {one.metric for one, _ in parts if (one.task, one.split) == (panel.task, panel.split)}
    return f"{panel.task_words} ({panel.metric_words})" if len(metrics) > 1 else panel.task_words


def _headers(rows: list[Row]) -> tuple[str, ...]:
    """Head the columns of a transposed table: task and pair."""
    tasks: list[str] = []
    for row in rows:
        tasks.append(row.names[0] or tasks[-1])
    return tuple(f"{task} {row.names[1]}" for task, row in zip(tasks, rows, strict=True))


def _sections(parts: dict[Panel, pd.DataFrame]) -> list[list[tuple[Panel, pd.DataFrame]]]:
    """Gather the panels that share study, model and sweep, by task."""

    def shared(item: tuple[Panel, pd.DataFrame]) -> tuple[int, ...]:
        return order.index((item[0].study, item[0].model, item[0].sweep)), tasks.index(item[0].task)

    order = list(dict.fromkeys((panel.study, panel.model, panel.sweep) for panel in parts))
    tasks = list(dict.fromkeys(panel.task for panel in parts))
    ordered = sorted(parts.items(), key=shared)
    return [list(items) for _, items in groupby(ordered, key=lambda item: shared(item)[0])]


def _rows(panel: Panel, part: pd.DataFrame, task: str, order: tuple[str, ...], intervals: bool) -> list[Row]:
    """Make the rows of one task and source: the source itself, then the mean of the others."""
    found = pair_cells(panel, part, order, intervals=intervals)
    return [Row((task if number == 0 else "", pair), cells) for number, (pair, cells) in enumerate(found)]
