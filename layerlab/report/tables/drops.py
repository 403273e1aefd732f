"""The table of all drops: a row for each ablation, with intervals and q values."""

from __future__ import annotations

import pandas as pd

from layerlab.analysis.sensitivity import MEAN, QUANTITIES, sensitivity
from layerlab.report.style.panels import panels, places
from layerlab.report.tables.cells import effect_cell, panel_section
from layerlab.report.tables.layout import Row, Table
from layerlab.report.tables.notes import describe


def drop_table(frame: pd.DataFrame) -> Table:
    """Lay out every layer window as a row: source drop, mean zero-shot drop and gap change with intervals.

    Here the numbers are drops, positive where the ablation hurts. One section per panel. Takes tidy records
    or their effects; where these were tested, q values are shown too.

    Raises:
        RecordsError: Nothing to compare.
    """
    effect = frame if "effect" in frame.columns else sensitivity(frame)
    sections = []
    for panel, part in panels(effect).items():
        wanted = part[(part["quantity"] == "source_drop") | (part["target"] == MEAN)]
        found = [name for name in QUANTITIES if (wanted["quantity"] == name).any()]
        rows = []
        for place in places(part):
            here = wanted[wanted["place"] == place].set_index("quantity").reindex(found)
            rows.append(Row((place,), tuple(effect_cell(row) for _, row in here.iterrows())))
        mark = " (q)" if any(cell.q is not None for row in rows for cell in row.cells) else ""
        names = tuple(_NAMES[name] + mark for name in found)
        note = f"Drops from the baseline. {describe([(panel, part)], QUANTITIES)}"
        sections.append(panel_section(panel, f", {panel.title}", names, rows, note, "-effects"))
    return Table(tuple(sections))


_NAMES = {
    "source_drop": "source drop",
    "zero_shot_drop": "zero-shot drop",
    "gap_change": "gap change",
}
