"""A matrix of numbers in coloured cells."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from layerlab.report.style.panels import show
from layerlab.report.style.style import ink

CELL: Final = 0.34  # inches
_COLOURS: Final = "viridis"


def draw_matrix(axis: Axes, table: pd.DataFrame, *, size: float = 7, square: bool = True) -> None:
    """Draw one matrix, light where the number is high; each has its own scale.

    Args:
        axis: Where.
        table: Numbers, with the names of rows and columns; missing ones are shown as a dash.
        size: Of the numbers, in points.
        square: Whether cells are; else they fill the axes.
    """
    values = table.to_numpy(dtype=float)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    norm = Normalize(low, high if high > low else low + 1)
    rows, columns = (np.arange(n + 1) - 0.5 for n in values.shape)
    masked = np.ma.masked_invalid(values)
    mesh = axis.pcolormesh(columns, rows, masked, cmap=_COLOURS, norm=norm, edgecolors="white", lw=0.6)
    for (row, column), value in np.ndenumerate(values):
        colour = ink(mesh.to_rgba(value)) if value == value else "black"
        axis.text(column, row, show(value), ha="center", va="center", fontsize=size, color=colour)
    axis.set_xticks(range(values.shape[1]), [str(name) for name in table.columns])
    axis.set_yticks(range(values.shape[0]), [str(name) for name in table.index])
    axis.set_ylim(len(values) - 0.5, -0.5)
    axis.set_aspect("equal" if square else "auto")
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
