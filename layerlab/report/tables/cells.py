"""What the tables of effects share: cells of effects, headers, titles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeVar

import pandas as pd

from layerlab.report.style.panels import Panel, show
from layerlab.report.style.wording import slug
from layerlab.report.tables.layout import Cell, Row, Section

Item = TypeVar("Item")

MOST_COLUMNS = 14  # of numbers side by side, so that they fit a page


def effect_cell(row: pd.Series, *, negative: bool = False) -> Cell:
    """Make a cell of an effect with its interval, shade and q value.

    If ``negative``, it is the difference from the baseline, negative where the ablation hurts, not the drop.
    """
    drop, low, high = (100 * row[name] for name in ("effect", "low", "high"))
    numbers = (high - drop, drop, row.get("q", float("nan")))
    half, shade, q = (None if number != number else number for number in numbers)
    value = -drop if negative else drop
    if "n_resamples" not in row.index or half is None:
        return Cell(value, half, shade, q)
    return Cell(value, None, shade, q, (-high, -low) if negative else (low, high))


def interval_words(cell: Cell, mark: str, space: str = " ") -> str:
    """Write a number and, where there is any, its interval: half of it after a mark, or both ends.

    >>> interval_words(Cell(3.0, 0.5), " ± "), interval_words(Cell(3.0, ends=(2.0, 4.0)), " ± ")
    ('3.0 ± 0.5', '3.0 [2.0, 4.0]')
    """
    half = "" if cell.half is None else f"{mark}{cell.half:.1f}"
    ends = "" if cell.ends is None else f"{space}[{show(cell.ends[0])}, {show(cell.ends[1])}]"
    return f"{show(cell.value)}{half}{ends}"


def difference_cell(row: pd.Series, *, intervals: bool) -> Cell:
    """Make a cell of the difference from the baseline, with or without interval and q value."""
    cell = effect_cell(row, negative=True)
    return cell if intervals else Cell(cell.value, drop=cell.drop)


def reference_points(found: pd.DataFrame) -> float:
    """Return the baseline's score in points, of some effects on one target.

    Where seeds are missing, the baseline of the ablation with the most seeds is shown.
    """
    return float(100 * found.sort_values("n_seeds", kind="stable").iloc[-1]["reference"])


def panel_section(
    panel: Panel,
    title: str,
    columns: Sequence[str],
    rows: Iterable[Row],
    note: str,
    label: str = "",
    names: tuple[str, ...] = (),
) -> Section:
    """Make a section of a panel whose ablations are its rows or, where these have other names, its columns.

    Its whole title begins with study, model and sweep, its whole label with the study.
    """
    title = f"{model_title(panel.study, panel.model)}, {panel.words}{title}"
    label = f"{slug(panel.study or panel.model)}{label}"
    where: Literal["rows", "columns"] = "columns" if names else "rows"
    names = names or ("ablation" if panel.named else "layers",)
    layers = "" if panel.named else where
    return Section(title, names, tuple(columns), tuple(rows), note, label, layers)


def model_title(study: str, model: str) -> str:
    """Name a model, and the study if it has a name.

    >>> model_title("freeze", "mbert"), model_title("", "mbert")
    ('freeze: mbert', 'mbert')
    """
    return f"{study}: {model}" if study else model


def fitting(items: Sequence[Item]) -> Iterator[tuple[Sequence[Item], str]]:
    """Yield items in as few parts as fit a page, of about equal length, and how a title counts each part.

    >>> list(fitting("abc"))
    [('abc', '')]
    >>> [(len(part), counted) for part, counted in fitting(range(15))]
    [(8, ' (1 of 2)'), (7, ' (2 of 2)')]
    """
    n_parts = -(-len(items) // MOST_COLUMNS)
    size = max(1, -(-len(items) // max(1, n_parts)))
    for number, start in enumerate(range(0, len(items), size), 1):
        yield items[start : start + size], f" ({number} of {n_parts})" if n_parts > 1 else ""
