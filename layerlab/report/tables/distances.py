"""The table of how the transfer gap goes with distances between languages."""

from __future__ import annotations

import pandas as pd

from layerlab.analysis.effects.sensitivity import SETTING
from layerlab.analysis.transfer.distance import correlate_distances
from layerlab.names import metric_name, task_name
from layerlab.report.style.captions import spread
from layerlab.report.style.wording import slug
from layerlab.report.tables.cells import model_title
from layerlab.report.tables.layout import Cell, Row, Section, Table


def distance_table(frame: pd.DataFrame) -> Table:
    """Lay out Spearman's rho (x 100) of the baseline's transfer gap with every kind of distance.

    A section for each model, task and source that has distances; p and q are x 100 too.
    """
    found = correlate_distances(frame)
    sections = [_section(part) for _, part in found.groupby(list(SETTING), sort=False)]
    return Table(tuple(sections))


def _section(part: pd.DataFrame) -> Section:
    first = part.iloc[0]
    rows = [Row((str(row["measure"]),), _cells(row)) for _, row in part.iterrows()]
    title = (
        f"{model_title(str(first['study']), str(first['model']))}, {task_name(str(first['task']))} from "
        f"{first['source']}: transfer gap against distance"
    )
    note = (
        f"Spearman's rho x 100 over {spread(part['n_languages'])} languages of the gap in "
        f"{metric_name(str(first['metric']))} (mean over n seeds = {spread(part['n_seeds'])}) with the "
        "distance from the source; in brackets its 95% bootstrap interval over languages. p: two-sided "
        "permutation test, x 100; q: the same, with the false discovery rate controlled over the kinds of "
        "distance (Benjamini-Hochberg)."
    )
    label = f"{slug(str(first['study']) or str(first['model']))}-distances"
    return Section(title, ("distance",), ("rho", "p", "q", "languages"), tuple(rows), note, label)


def _cells(row: pd.Series) -> tuple[Cell, ...]:
    low, high = 100 * float(row["low"]), 100 * float(row["high"])
    ends = (low, high) if low == low else None
    rho = Cell(100 * float(row["rho"]), ends=ends)
    return (rho, Cell(100 * float(row["p"])), Cell(100 * float(row["q"])), Cell(float(row["n_languages"])))
