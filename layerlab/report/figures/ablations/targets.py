"""What an ablation of each layer window costs on every zero-shot target."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.sensitivity import MEAN
from layerlab.report.figures.ablations.effect_panels import (
    TRANSFER,
    costs_words,
    draw_panels,
    find_panels,
    joined,
    means_words,
    shift,
    targets_words,
    unit_words,
)
from layerlab.report.figures.figure import Figure
from layerlab.report.style.panels import Panel, panels
from layerlab.report.style.style import line_style
from layerlab.report.style.units import unit_of

_MOST_MARKED = 12  # targets or windows; beyond it markers hide the lines


def plot_targets(effect: pd.DataFrame) -> MplFigure:
    """Draw the drop on every target language, and the mean of several in black, per layer window.

    Intervals are left out, as those of many lines cover one another; ``plot_sensitivity`` and the tables
    have them.

    Raises:
        RecordsError: No rows, or more panels than fit a page.
    """
    panels(effect)  # refuses a frame of something else
    drawn = effect[(effect["quantity"] == "zero_shot_drop") & (effect["target"] != MEAN)]
    targets = sorted(set(drawn["target"]))
    factor = unit_of(effect).factor
    styles = {target: line_style(index) for index, target in enumerate(targets)}
    crowded = len(targets) > _MOST_MARKED or drawn["layers"].nunique() > _MOST_MARKED

    def draw(axis: Axes, part: pd.DataFrame, order: list[str]) -> None:
        drops = part[part["quantity"] == "zero_shot_drop"]
        as_line, at = joined(part), np.arange(len(order))
        for index, target in enumerate(targets):
            one = drops[drops["target"] == target].set_index("place")["effect"].reindex(order)
            bare = ({"marker": ""} if crowded else {}) if as_line else {"linestyle": "none"}
            if one.notna().any():
                x = at + (0 if as_line else shift(index, len(targets)))
                axis.plot(x, factor * one, label=target, lw=0.9, ms=2.5, **styles[target] | bare)
        mean = drops[(drops["target"] == MEAN) & (drops["n_targets"] > 1)]
        values = factor * mean.set_index("place")["effect"].reindex(order)
        if len(mean) and as_line:
            axis.plot(at, values, label="mean", color="black", lw=1.8, zorder=5)
        elif len(mean):
            axis.hlines(values, at - 0.4, at + 0.4, label="mean", color="black", lw=1, zorder=1)

    return draw_panels(effect, draw)


def _caption(panel: Panel, part: pd.DataFrame) -> str:
    several = int(part[part["target"] == MEAN]["n_targets"].max()) > 1
    together = ", with their mean in black" if several else ""
    return (
        f"{costs_words(panel)} on each of {targets_words(part)}{together}, {unit_words(panel, part)}; "
        f"{means_words(part)}."
    )


TARGETS = Figure(
    "targets",
    shows="what each layer costs on every target",
    needs=TRANSFER,
    find=partial(find_panels, "targets", "Cost on every target", plot_targets, _caption, zero_shot=True),
)
