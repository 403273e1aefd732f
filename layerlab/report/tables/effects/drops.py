"""The table of all drops: a row for each ablation, with intervals and q values."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from layerlab.analysis.effects.sensitivity import MEAN, QUANTITIES, sensitivity
from layerlab.report.style.panels import panels, places
from layerlab.report.style.units import unit_of
from layerlab.report.tables.cells import effect_cell, panel_section
from layerlab.report.tables.layout import Cell, Row, Table
from layerlab.report.tables.notes import describe


def drop_table(frame: pd.DataFrame) -> Table:
    """Lay out every layer window as a row: source drop, mean zero-shot drop and gap change with intervals.

    Here the numbers are drops, positive where the ablation hurts. One section per panel. Takes tidy records
    or their effects, on either scale; where these were tested, q values and the p values of effects no larger
    than the margin are shown too.

    Raises:
        RecordsError: Nothing to compare.
    """
    effect = frame if "effect" in frame.columns else sensitivity(frame)
    sections = []
    for panel, part in panels(effect).items():
        wanted = part[(part["quantity"] == "source_drop") | (part["target"] == MEAN)]
        found = [name for name in QUANTITIES if (wanted["quantity"] == name).any()]
        rows, unit = [], unit_of(part)
        for place in places(part):
            here = wanted[wanted["place"] == place].set_index("quantity").reindex(found)
            rows.append(Row((place,), tuple(effect_cell(row, unit) for _, row in here.iterrows())))
        mark = _mark([cell for row in rows for cell in row.cells], part)
        names = tuple(_NAMES[name] + mark for name in found)
        note = f"Drops from the baseline. {describe([(panel, part)], QUANTITIES, within=True)}"
        sections.append(panel_section(panel, f", {panel.title}", names, rows, note, "-effects", unit=unit))
    return Table(tuple(sections))


def _mark(cells: Sequence[Cell], part: pd.DataFrame) -> str:
    """Say in a header which tests stand in brackets: q, and p of being no more than the margin."""
    if all(cell.q is None for cell in cells):
        return ""
    if all(cell.within is None for cell in cells):
        return " (q)"
    return f" (q; ≤ {unit_of(part).margin(float(part['margin'].iloc[0]))}: p)"


_NAMES = {
    "source_drop": "source drop",
    "zero_shot_drop": "zero-shot drop",
    "gap_change": "gap change",
}
