"""Tables of encoders that are aligned with each other: maps and bounds by layer, and CKA with retrieval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

import pandas as pd

from layerlab.analysis.effects.sensitivity import t_interval
from layerlab.analysis.transfer.aligned import PAIR, aligned_parts, aligned_rows, cka_against_retrieval
from layerlab.names import COMPARED, CONDITIONS, measure_name, metric_name, task_name
from layerlab.report.style.captions import spread
from layerlab.report.style.wording import pair_words, slug
from layerlab.report.tables.cells import fitting
from layerlab.report.tables.layout import Cell, Row, Section, Table
from layerlab.report.tables.notes import seeds_counted


def aligned_table(frame: pd.DataFrame) -> Table:
    """Lay out every measure of aligned encoders (x 100): a row for each map and bound, a column a layer."""
    sections = [
        section for where, rows in aligned_parts(aligned_rows(frame)) for section in _sections(where, rows)
    ]
    return Table(tuple(sections))


def cka_table(frame: pd.DataFrame) -> Table:
    """Lay out how the CKA of two encoders goes with the retrieval between them over the layers (x 100)."""
    found = cka_against_retrieval(frame)
    sections = [
        _cka_section(dict(zip([*PAIR, "target"], map(str, key), strict=True)), part)
        for key, part in found.groupby([*PAIR, "target"], sort=False)
    ]
    return Table(tuple(sections))


def _sections(where: Mapping[str, str], rows: pd.DataFrame) -> Iterator[Section]:
    what = metric_name(where["metric"]) if where["task"] else measure_name(where["metric"])
    title = f"{pair_words(where)}: {task_name(where['task'])} {what}".replace(":  ", ": ")
    levels = sorted({int(level) for level in rows["layer"]})
    note = (
        f"Percent, after 0 (embeddings) to {max(levels)} layers of the source's encoder; "
        f"{_counted(rows)}{seeds_counted(pd.Series([rows['seed'].nunique()]))}, intervals "
        "are 95% t intervals over seeds."
    )
    label = slug(f"{where['model']} {where['donor']} {where['target']} {where['task'] or where['metric']}")
    for shown, counted in fitting(levels):
        made = tuple(Row((name,), _cells(part, shown)) for name, part in _conditions(where, rows))
        columns = tuple(map(str, shown))
        yield Section(title + counted, ("states",), columns, made, note, label)


def _counted(rows: pd.DataFrame) -> str:
    known = rows["n"].dropna()
    return f"n = {spread(known)}, " if len(known) else ""


def _conditions(where: Mapping[str, str], rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    own = rows["target"] == where["source"]
    for condition, words in (COMPARED if where["metric"] == "cka" else CONDITIONS).items():
        for part, name in (
            (rows[own & (rows["intervention"] == condition)], f"{where['source']}, {words}"),
            (rows[~own & (rows["intervention"] == condition)], words),
        ):
            if len(part):
                yield name, part


def _cells(part: pd.DataFrame, levels: Sequence[int]) -> tuple[Cell, ...]:
    cells = []
    for level in levels:
        values = [100 * float(value) for value in part[part["layer"] == level]["value"]]
        low, high = t_interval(values)
        mean = fmean(values) if values else math.nan
        cells.append(Cell(mean, (high - low) / 2 if low == low else None, n=len(values) or None))
    return tuple(cells)


def _cka_section(where: Mapping[str, str], part: pd.DataFrame) -> Section:
    note = (
        f"Over {spread(part['n_layers'])} levels, values being means over "
        f"n seeds = {spread(part['n_seeds'])}: "
        "Pearson's r and Spearman's rho, x 100, of CKA with P@1; in brackets a 95% bootstrap interval over "
        "the levels, which are no independent sample; p: two-sided permutation test, x 100. The retrieval "
        "between the two is that by Procrustes."
    )
    rows = tuple(
        Row((measure_name(str(row["metric"])), COMPARED[str(row["condition"])]), _cka_cells(row))
        for _, row in part.iterrows()
    )
    title = f"{pair_words(where)}: CKA with retrieval"
    label = slug(f"{where['model']} {where['donor']} {where['target']} cka")
    return Section(title, ("retrieval", "encoders"), ("r", "rho", "p"), rows, note, label)


def _cka_cells(row: pd.Series) -> tuple[Cell, ...]:
    ends = 100 * float(row["low"]), 100 * float(row["high"])
    rho = Cell(100 * float(row["rho"]), ends=ends if ends[0] == ends[0] else None)
    return Cell(100 * float(row["pearson"])), rho, Cell(100 * float(row["p"]))
