"""What the tables of effects share: cells of effects, headers, titles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, TypeVar

import pandas as pd

from layerlab.report.style.panels import Panel, points
from layerlab.report.tables.layout import Cell

Item = TypeVar("Item")

MOST_COLUMNS = 14  # of numbers side by side, so that they fit a page


def effect_cell(row: pd.Series, *, negative: bool = False) -> Cell:
    """Make a cell of an effect with its interval, shade and q value.

    Args:
        row: The row of a frame of effects.
        negative: Show the difference from the baseline, negative where the ablation hurts, not the drop.
    """
    drop, low, high = (points(row[name]) for name in ("effect", "low", "high"))
    half, shade, q = (_there(number) for number in (high - drop, drop, row.get("q", float("nan"))))
    value = -drop if negative else drop
    if "n_resamples" not in row.index or half is None:
        return Cell(value, half, shade, q)
    return Cell(value, None, shade, q, (-high, -low) if negative else (low, high))


def difference_cell(row: pd.Series, *, intervals: bool) -> Cell:
    """Make a cell of the difference from the baseline, with or without interval and q value."""
    cell = effect_cell(row, negative=True)
    return cell if intervals else Cell(cell.value, drop=cell.drop)


def reference_points(found: pd.DataFrame) -> float:
    """Return the baseline's score in points, of some effects on one target.

    Where seeds are missing, the baseline of the ablation with the most seeds is shown.
    """
    return points(found.sort_values("n_seeds", kind="stable").iloc[-1]["reference"])


def place_header(panel: Panel) -> str:
    """Return the header of the column that names the ablations of a panel."""
    return "ablation" if panel.named else "layers"


def layers_in(panel: Panel, where: Literal["rows", "columns"]) -> Literal["rows", "columns", ""]:
    """Return where a section has layers as names, given where its ablations are."""
    return "" if panel.named else where


def section_title(panel: Panel) -> str:
    """Return what all numbers of a panel share: study, model and sweep."""
    return f"{model_title(panel.study, panel.model)}, {panel.words}"


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


def _there(number: float) -> float | None:
    return None if number != number else number
