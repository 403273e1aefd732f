"""What each layer window costs zero-shot and on the source in several studies, one line a study."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.sensitivity import MEAN
from layerlab.report.style.axes import (
    draw_band,
    draw_zero,
    label_layers,
    label_names,
    panel_grid,
    panel_width,
    put_legend,
)
from layerlab.report.style.groups import Group, line_names
from layerlab.report.style.panels import places
from layerlab.report.style.style import FULL_WIDTH, figure_style, line_style
from layerlab.report.style.units import unit_of

_TITLES = ("on the source", "zero-shot, mean over targets")


def plot_comparison(group: Group) -> MplFigure:
    """Draw the drop on the source and the mean zero-shot drop, a line for each study with its interval.

    Args:
        group: Panels of several studies, as ``layerlab.report.style.groups.comparable`` gathers them.
    """
    first, part = group[0]
    order = places(pd.concat([part for _, part in group]))
    unit = unit_of(part)
    with figure_style():
        figure, axes = panel_grid(list(_TITLES), f"drop ({unit.words})", FULL_WIDTH)
        width = panel_width(figure, len(axes))
        taller = 0.0
        wanted = (("source_drop", first.source), ("zero_shot_drop", MEAN))
        for axis, (quantity, target) in zip(axes, wanted, strict=True):
            draw_zero(axis)
            for index, (name, (_, rows)) in enumerate(zip(line_names(group), group, strict=True)):
                found = rows[(rows["quantity"] == quantity) & (rows["target"] == target)]
                _line(axis, found, order, name, index, unit.factor, dots=first.named)
            if first.named:
                taller = max(taller, label_names(axis, order, width))
            else:
                label_layers(axis, order, width)
            axis.set_xlim(-0.5, len(order) - 0.5)
        figure.set_figheight(float(figure.get_size_inches()[1]) + taller)
        put_legend(figure, axes)
    return figure


def _line(
    axis: Axes, rows: pd.DataFrame, order: list[str], name: str, index: int, factor: float, *, dots: bool
) -> None:
    values = factor * rows.set_index("place")[["effect", "low", "high"]].reindex(order)
    style = line_style(index) | ({"linestyle": "none"} if dots else {})
    x = np.arange(len(order)) + (0.12 * index if dots else 0)
    axis.plot(x, values["effect"], label=name, **style)
    if not dots:
        draw_band(axis, x, values["low"], values["high"], style["color"])
    elif values["low"].notna().any():
        axis.vlines(x, values["low"], values["high"], color=style["color"], lw=0.9)
