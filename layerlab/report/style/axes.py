"""Axes that fit the page: panels in rows, layer labels that do not touch, legends outside the data."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from layerlab.errors import RecordsError
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH

MOST_PANELS = 12
_MOST_TICKS = 14
_POINTS_PER_INCH = 72
_NAME_SIZE = 7.5  # points
_LETTER = 0.46  # width of a letter, of the size of the text


def panel_grid(
    titles: Sequence[str], ylabel: str = "", single: float = COLUMN_WIDTH
) -> tuple[Figure, list[Axes]]:
    """Lay out panels: one at a width of ``single`` inches, several across the page in rows of at most three.

    All panels share one scale, so that their heights can be compared; its label is left of each row. Titles
    are broken to fit.

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
    width, height = (single, 2.15) if n == 1 else (FULL_WIDTH, 0.35 + 1.65 * rows)
    titles = [fit_title(title, width / columns - 0.3) for title in titles]
    lines = max(title.count("\n") for title in titles)
    figure = Figure(figsize=(width, height + 0.12 * lines * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    axes = [axis for row in grid for axis in row]
    for axis in axes[n:]:
        axis.set_axis_off()
    for index, (axis, title) in enumerate(zip(axes, titles, strict=False)):
        axis.set_title(title)
        axis.set_ylabel(ylabel if index % columns == 0 else "")
    return figure, axes[:n]


def draw_zero(axis: Axes) -> None:
    """Draw a thin line at zero, behind everything."""
    axis.axhline(0, color="0.6", lw=0.6, zorder=0)


def draw_band(axis: Axes, x: ArrayLike, low: pd.Series[float], high: pd.Series[float], colour: Any) -> None:
    """Draw intervals as a band, if there are any."""
    if low.notna().any():
        axis.fill_between(x, low, high, color=colour, alpha=0.2, lw=0)


def panel_width(figure: Figure, n_panels: int) -> float:
    """Estimate the width of one panel's axes, in inches."""
    return (float(figure.get_size_inches()[0]) - 0.55) / _columns(n_panels) - 0.1


def _columns(n_panels: int) -> int:
    """Choose how many panels are side by side: two where that fills every row."""
    return 1 if n_panels == 1 else 2 if n_panels in (2, 4, 8) else 3


def short_layers(layers: str) -> str:
    """Shorten a selection of layers for an axis.

    >>> short_layers("embeddings"), short_layers("embeddings,0-1"), short_layers("4-5")
    ('emb', 'emb,0-1', '4-5')
    """
    return layers.replace("embeddings", "emb") or "none"


def label_layers(axis: Axes, layers: Sequence[str], width: float, size: float = 7.5) -> None:
    """Put layer selections under an axis: level where they fit, else upright, else every second and so on.

    Selection i is at x = i; the axis has a width in inches, the text a size in points.
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


def fit_title(title: str, width: float, size: float = 8) -> str:
    """Break the lines of a title that are longer than the width (inches), after commas where possible.

    >>> print(fit_title("UPOS from en, RANDOM-INIT before fine-tuning", 1.7))
    UPOS from en,
    RANDOM-INIT before fine-tuning
    """
    room = max(12, int(width * _POINTS_PER_INCH / (0.47 * size)))
    lines: list[str] = []
    for line in title.split("\n"):
        current = ""
        for piece in line.split(", "):
            longer = f"{current}, {piece}" if current else piece
            if current and len(longer) > room:
                lines.append(f"{current},")
                longer = piece
            current = longer
        lines.append(current)
    return "\n".join(text for line in lines for text in textwrap.wrap(line, room, break_on_hyphens=False))


def names_width(names: Sequence[str], margin: float = 0.65) -> float:
    """Choose the column's width where names fit under an axis level, or nowhere; else the page's (inches)."""
    rooms = [(width - margin) * _POINTS_PER_INCH / len(names) for width in (COLUMN_WIDTH, FULL_WIDTH)]
    if _level(names, rooms[0]) or (not _level(names, rooms[1]) and rooms[0] >= 2.4 * _NAME_SIZE):
        return COLUMN_WIDTH
    return FULL_WIDTH


def label_names(axis: Axes, names: Sequence[str], width: float) -> float:
    """Put names under an axis, broken into lines: level where the words fit, else upright and shortened.

    Name i is at x = i. Returns how much taller than one line of text they are; all sizes are in inches.
    """
    room = width * _POINTS_PER_INCH / len(names)
    line = 1.25 * _NAME_SIZE
    labels = _level(names, room)
    upright = not labels
    if upright:
        most = max(1, min(3, int(room / line)))
        labels = [_broken(name, 24, most) for name in names]
    step = -(-int(line) // max(1, int(room))) if upright else 1
    places, shown = range(0, len(labels), step), labels[::step]
    axis.set_xticks(places, shown, rotation=90 if upright else 0, fontsize=_NAME_SIZE, linespacing=1.0)
    rows = [label.split("\n") for label in labels]
    if upright:
        longest = max(len(text) for lines in rows for text in lines)
        return (longest * _LETTER * _NAME_SIZE - line) / _POINTS_PER_INCH
    return (max(map(len, rows)) - 1) * line / _POINTS_PER_INCH


def _level(names: Sequence[str], room: float) -> list[str]:
    """Break names into at most three lines that fit the room (points); an empty list if one does not."""
    length = int((room - 4) / (_LETTER * _NAME_SIZE))
    if length < 4:
        return []
    broken = [_broken(name, length) for name in names]
    lines = [label.split("\n") for label in broken]
    return broken if all(len(rows) <= 3 and max(map(len, rows)) <= length for rows in lines) else []


def _broken(text: str, length: int, most: int | None = None) -> str:
    """Break a text into as few lines as its length needs, of about equal length; shorten what is left over.

    >>> print(_broken("freeze to layer 5", 16))
    freeze to
    layer 5
    >>> _broken("freeze to layer 5 without dropout", 24, 1)
    'freeze to layer 5 …'
    """

    def wrap(width: int) -> list[str]:
        return textwrap.wrap(text, width, max_lines=most, placeholder=" …", break_long_words=most is not None)

    lines = wrap(length)
    if not (lines and lines[-1].endswith("…")):
        while len(lines) > 1 and length > 4 and len(wrap(length - 1)) == len(lines):
            length -= 1
            lines = wrap(length)
    return "\n".join(lines)


def wide_enough(n_columns: int, needed: float, margin: float = 0.65) -> float:
    """Choose the column's width where n cells of the needed size fit into it, else the page's (inches)."""
    return COLUMN_WIDTH if n_columns * needed + margin <= COLUMN_WIDTH else FULL_WIDTH


def label_depth(axis: Axes, deepest: int, words: str = "layers passed (0: embeddings)") -> None:
    """Label an axis by the layers passed: 0 is the output of the embeddings."""
    axis.set_xticks(range(0, deepest + 1, -(-(deepest + 1) // _MOST_TICKS)))
    axis.set_xlim(-0.3, deepest + 0.3)
    axis.set_xlabel(words)


def put_legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """Put one legend for all panels below them."""
    entries: dict[str, Artist] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if not entries:
        return
    needed = [3.5 * len(label) + 30 for label in entries]  # points: the text, its line, a space
    room = 72 * float(figure.get_size_inches()[0])
    columns = len(entries) if sum(needed) <= room else max(1, int(room / max(needed)))
    rows = -(-len(entries) // columns)
    columns = -(-len(entries) // rows)
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=columns)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.14 * rows)
