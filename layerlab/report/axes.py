"""Axes that fit the page: panels in rows, layer labels that do not touch, legends outside the data."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from layerlab.errors import RecordsError
from layerlab.report.style import COLUMN_WIDTH, FULL_WIDTH

MOST_PANELS = 12
_POINTS_PER_INCH = 72


def panel_grid(titles: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Lay out panels: one at column width, several across the page in rows of at most three.

    All panels share one scale, so that their heights can be compared.

    Raises:
        RecordsError: More panels than a page holds.
    """
    n = len(titles)
    if n > MOST_PANELS:
        raise RecordsError(
            f"{n} panels do not fit a page ({MOST_PANELS} do); select some, such as one model or one task, "
            "or draw one figure for each with draw_all"
        )
    columns = _columns(n)
    rows = -(-n // columns)
    lines = max(title.count("\n") for title in titles)
    width, height = (COLUMN_WIDTH, 2.15) if n == 1 else (FULL_WIDTH, 0.35 + 1.65 * rows)
    figure = Figure(figsize=(width, height + 0.12 * lines * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    axes = [axis for row in grid for axis in row]
    for axis in axes[n:]:
        axis.set_axis_off()
    for axis, title in zip(axes, titles, strict=False):
        axis.set_title(title)
    return figure, axes[:n]


def panel_width(figure: Figure, n_panels: int) -> float:
    """Estimate the width of one panel's axes, in inches."""
    return (float(figure.get_size_inches()[0]) - 0.55) / _columns(n_panels) - 0.1


def _columns(n_panels: int) -> int:
    """Choose how many panels stand side by side; two where that fills every row."""
    return 1 if n_panels == 1 else 2 if n_panels in (2, 4, 8) else 3


def short_layers(layers: str) -> str:
    """Shorten a selection of layers for an axis.

    >>> short_layers("embeddings"), short_layers("embeddings,0-1"), short_layers("4-5")
    ('emb', 'emb,0-1', '4-5')
    """
    return layers.replace("embeddings", "emb") or "none"


def label_layers(axis: Axes, layers: Sequence[str], width: float, size: float = 7.5) -> None:
    """Put layer selections under an axis: level where they fit, else upright, else every second and so on.

    Args:
        axis: The axis; selection i is at x = i.
        layers: The selections.
        width: Width of the axis in inches.
        size: Size of the text in points.
    """
    labels = [short_layers(name) for name in layers]
    room = width * _POINTS_PER_INCH / max(1, len(labels))
    longest = max(len(label) for label in labels) * 0.5 * size
    step = 1
    while room * step < min(longest + 3, size * 1.2):
        step += 1
    upright = longest + 3 > room * step
    axis.set_xticks(range(0, len(labels), step), labels[::step], rotation=90 if upright else 0, fontsize=size)
    axis.set_xlabel("layers")


def wide_enough(n_columns: int, needed: float, margin: float = 0.65) -> float:
    """Choose the column's width where n cells of the needed size fit into it, else the page's (inches)."""
    return COLUMN_WIDTH if n_columns * needed + margin <= COLUMN_WIDTH else FULL_WIDTH
