"""What the tables of effects share: cells of effects, headers, titles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

import pandas as pd

from layerlab.analysis.effects.sensitivity import MEAN
from layerlab.report.style.panels import Panel, show_p
from layerlab.report.style.units import IN_POINTS, Unit, unit_of
from layerlab.report.style.wording import slug
from layerlab.report.tables.layout import Cell, Row, Section

Item = TypeVar("Item")

MOST_COLUMNS = 14  # of numbers side by side, so that they fit a page
MOST_INTERVALS = 9  # of numbers with their intervals


def effect_cell(row: pd.Series, unit: Unit = IN_POINTS, *, negative: bool = False) -> Cell:
    """Make a cell of an effect with its interval, shade, p values and seeds.

    If ``negative``, it is the difference from the baseline, negative where the ablation hurts, not the drop.
    """
    drop, low, high = (unit.factor * row[name] for name in ("effect", "low", "high"))
    tests = (row.get("q", float("nan")), row.get("p_equivalent", float("nan")))
    half, shade, q, within = map(_known, (high - drop, drop, *tests))
    seeds = _known(row["n_seeds"])
    n = None if seeds is None else int(seeds)
    value = -drop if negative else drop
    if row.get("interval", "t") != "bootstrap" or half is None:
        return Cell(value, half, shade, q, within=within, n=n)
    return Cell(value, None, shade, q, (-high, -low) if negative else (low, high), within, n)


def _known(number: float) -> float | None:
    return None if number != number else float(number)


def interval_words(cell: Cell, mark: str, space: str = " ", unit: Unit = IN_POINTS) -> str:
    """Write a number and, where there is any, its interval: half of it after a mark, or both ends.

    >>> interval_words(Cell(3.0, 0.5), " ± "), interval_words(Cell(3.0, ends=(2.0, 4.0)), " ± ")
    ('3.0 ± 0.5', '3.0 [2.0, 4.0]')
    """
    half = "" if cell.half is None else f"{mark}{unit.show(cell.half)}"
    ends = "" if cell.ends is None else f"{space}[{unit.show(cell.ends[0])}, {unit.show(cell.ends[1])}]"
    return f"{unit.show(cell.value)}{half}{ends}"


def p_words(cell: Cell) -> str:
    """Write what tests gave: q, and the p value of a test that the effect is within a margin.

    >>> p_words(Cell(3.0, q=0.03)), p_words(Cell(0.1, q=0.7, within=0.0001)), p_words(Cell(3.0))
    ('(.030)', '(.700; <.001)', '')
    """
    values = [show_p(value) for value in (cell.q, cell.within) if value is not None]
    return f"({'; '.join(values)})" if values else ""


def seed_words(cell: Cell, section: Section) -> str:
    """Write on how many seeds a cell rests, where cells of its section differ in that; else nothing."""
    return f"n={cell.n}" if section.counted and cell.n is not None else ""


def difference_cell(row: pd.Series, unit: Unit = IN_POINTS, *, intervals: bool) -> Cell:
    """Make a cell of the difference from the baseline, with or without its interval."""
    cell = effect_cell(row, unit, negative=True)
    return replace(cell, q=None, within=None) if intervals else Cell(cell.value, drop=cell.drop, n=cell.n)


def reference_cell(found: pd.DataFrame, unit: Unit = IN_POINTS, *, intervals: bool = True) -> Cell:
    """Make the cell of the baseline, of some effects on one target, with its t interval over seeds.

    Where seeds are missing, the baseline of the ablation with the most seeds is shown.
    """
    row = found.sort_values("n_seeds", kind="stable").iloc[-1]
    value, high = (unit.factor * float(row[name]) for name in ("reference", "reference_high"))
    return Cell(value, _known(high - value) if intervals else None, n=int(row["n_seeds"]))


def pair_cells(
    panel: Panel, part: pd.DataFrame, order: Sequence[str], *, intervals: bool = True
) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    """Yield the source itself (``en-en``) and the mean of the others (``en-X``), as far as a panel has them.

    With each come the baseline's cell and, by place in order, those of the differences from it.
    """
    unit = unit_of(part)
    for quantity, target, other in (
        ("source_drop", panel.source, panel.source),
        ("zero_shot_drop", MEAN, "X"),
    ):
        found = part[(part["quantity"] == quantity) & (part["target"] == target)]
        if len(found):
            here = found.set_index("place").reindex(list(order))
            drops = (difference_cell(row, unit, intervals=intervals) for _, row in here.iterrows())
            yield f"{panel.source}-{other}", (reference_cell(found, unit, intervals=intervals), *drops)


def panel_section(
    panel: Panel,
    title: str,
    columns: Sequence[str],
    rows: Iterable[Row],
    note: str,
    label: str = "",
    names: tuple[str, ...] = (),
    unit: Unit = IN_POINTS,
) -> Section:
    """Make a section of a panel whose ablations are its rows or, where these have other names, its columns.

    Its whole title begins with study, model and sweep, its whole label with the study.
    """
    title = f"{model_title(panel.study, panel.model)}, {panel.words}{title}"
    apart = unit != IN_POINTS
    title += f", in {unit.words}" * apart
    label = f"{slug(panel.study or panel.model)}{label}" + f"-{unit.scale}" * apart
    where: Literal["rows", "columns"] = "columns" if names else "rows"
    names = names or ("ablation" if panel.named else "layers",)
    layers = "" if panel.named else where
    return Section(title, names, tuple(columns), tuple(rows), note, label, layers, unit)


def model_title(study: str, model: str) -> str:
    """Name a model, and the study if it has a name.

    >>> model_title("freeze", "mbert"), model_title("", "mbert")
    ('freeze: mbert', 'mbert')
    """
    return f"{study}: {model}" if study else model


def fitting(items: Sequence[Item], most: int = MOST_COLUMNS) -> Iterator[tuple[Sequence[Item], str]]:
    """Yield items in as few parts as fit a page, of about equal length, and how a title counts each part.

    >>> list(fitting("abc"))
    [('abc', '')]
    >>> [(len(part), counted) for part, counted in fitting(range(15))]
    [(8, ' (1 of 2)'), (7, ' (2 of 2)')]
    """
    n_parts = -(-len(items) // most)
    size = max(1, -(-len(items) // max(1, n_parts)))
    for number, start in enumerate(range(0, len(items), size), 1):
        yield items[start : start + size], f" ({number} of {n_parts})" if n_parts > 1 else ""
