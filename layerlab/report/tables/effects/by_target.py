"""The paper's table by language: what each ablation costs on every target."""

from __future__ import annotations

import numpy as np
import pandas as pd

from layerlab.analysis.effects.sensitivity import LANGUAGE_QUANTITY, MEAN
from layerlab.analysis.significance.effects import seed_warning
from layerlab.report.style.caution import limit_words
from layerlab.report.style.panels import Panel, panels, places
from layerlab.report.style.units import unit_of
from layerlab.report.tables.cells import (
    MOST_INTERVALS,
    difference_cell,
    fitting,
    panel_section,
    reference_cell,
)
from layerlab.report.tables.layout import Row, Section, Table, transposed
from layerlab.report.tables.notes import seeds_and_intervals, significant_words, unit_words
from layerlab.targets import sources_of


def target_table(effect: pd.DataFrame) -> Table:
    """Lay out what each ablation costs on every target language, in points: the paper's table by language.

    ``REF`` is the baseline's score; each window has the difference from it, negative where the
    ablation hurts, both with their intervals. The source comes first (of several languages their mean, then
    each), the mean over the targets last. One section per panel; where windows or names do not fit side by
    side they are the rows, and many targets make several sections.

    Raises:
        RecordsError: Nothing to compare.
    """
    sections: list[Section] = []
    for panel, part in panels(effect).items():
        order, rows = places(part), _target_rows(panel, part)
        columns = ("REF", *order)
        title, note = f", by target: {panel.title}", _note(panel, part)
        unit = unit_of(part)
        if panel.named or len(columns) > MOST_INTERVALS:
            for some, counted in fitting(rows, MOST_INTERVALS):
                names, body = [row.names[0] for row in some], transposed(columns, some)
                here = panel_section(panel, title + counted, names, body, note, "-targets", unit=unit)
                sections.append(here)
        else:
            here = panel_section(panel, title, columns, rows, note, "-targets", ("target",), unit)
            sections.append(here)
    return Table(tuple(sections))


def _target_rows(panel: Panel, part: pd.DataFrame) -> list[Row]:
    """Make a row for the source, each target and their mean: the baseline, then the differences."""
    drops = part[part["quantity"].isin(("source_drop", LANGUAGE_QUANTITY, "zero_shot_drop"))]
    own = dict.fromkeys((panel.source, *sources_of(panel.source)))
    targets = sorted(set(drops["target"]) - {MEAN, *own})
    mean = [MEAN] if len(targets) > 1 else []
    rows, unit = list[Row](), unit_of(part)
    for target in [*own, *targets, *mean]:
        found = drops[drops["target"] == target]
        if found.empty:
            continue
        here = found.set_index("place").reindex(places(part))
        cells = [difference_cell(row, unit, intervals=True) for _, row in here.iterrows()]
        name = f"{target} (source)" if target in own else target
        apart = target in [*targets[:1], MEAN] and bool(rows)
        rows.append(Row((name,), (reference_cell(found, unit), *cells), ruled=apart))
    return rows


def _note(panel: Panel, part: pd.DataFrame) -> str:
    """Describe the numbers, what was tested, and the result of the tests."""
    drops = part[part["quantity"].isin(("source_drop", "zero_shot_drop")) & (part["target"] != MEAN)]
    text = (
        f"REF = baseline score; all other numbers are differences from it. {unit_words(drops)} of "
        f"{panel.metric_words} on the {panel.split} split, paired by seed; {seeds_and_intervals(drops)}"
    )
    if limits := limit_words(drops):
        text += f" {limits}"
    tested = drops[(drops["quantity"] == "zero_shot_drop") & drops.get("q", drops["effect"] * np.nan).notna()]
    if tested.empty:
        return text
    n_tests, most = int(tested["n_tests"].max()), int(tested["n_seeds"].max())
    text += (
        " The drop on each target was tested for every ablation with a sign-flip test over seeds "
        f"(two-sided), controlling the false discovery rate over the {n_tests} tests (Benjamini-Hochberg)"
    )
    if warning := seed_warning(most, n_tests):
        return f"{text}. {warning}"
    return f"{text}: {significant_words(tested)}."
