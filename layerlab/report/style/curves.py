"""Curves of means over seeds."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from layerlab.analysis.effects.sensitivity import t_interval
from layerlab.report.style.axes import draw_band


def draw_mean(axis: Axes, by_seed: pd.DataFrame, label: str, colour: str, **style: Any) -> None:
    """Draw the mean over seeds, with its 95% t interval as a band.

    Args:
        axis: Where.
        by_seed: Scores in percent: a row for each place on the axis, a column for each seed. Nothing is drawn
            if it is empty.
        label: Of the curve.
        colour: Of the curve and its band.
        **style: Further ones that ``Axes.plot`` takes.
    """
    if by_seed.empty:
        return
    bounds = [t_interval([float(value) for value in row if value == value]) for row in by_seed.to_numpy()]
    # No score is beyond 0 and 100, though intervals of few seeds are.
    low, high = (pd.Series(side, by_seed.index).clip(0, 100) for side in zip(*bounds, strict=True))
    axis.plot(by_seed.index, by_seed.mean(axis=1), label=label, color=colour, ms=3, zorder=5, **style)
    draw_band(axis, by_seed.index, low, high, colour)
