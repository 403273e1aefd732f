"""What an ablation of each layer window costs on the source and, on average, zero-shot."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.sensitivity import MEAN
from layerlab.report.figures.ablations.effect_panels import (
    PAIRED,
    costs_words,
    draw_panels,
    find_panels,
    joined,
    shift,
    targets_words,
    unit_words,
)
from layerlab.report.figures.figure import Figure
from layerlab.report.style.axes import draw_band
from layerlab.report.style.captions import effects_words
from layerlab.report.style.panels import Panel
from layerlab.report.style.style import GAP_COLOUR, SOURCE_COLOUR, ZERO_SHOT_COLOUR, line_style
from layerlab.report.style.units import unit_of


def plot_sensitivity(effect: pd.DataFrame) -> MplFigure:
    """Draw the drop on the source, the mean drop on the zero-shot targets, and the gap's change, per window.

    Bands are the 95% intervals; with one seed there are none. Named ablations are dots with
    bars. At the width of an ACL column, or of the page for several panels.

    Args:
        effect: What ``layerlab.analysis.effects.sensitivity`` gives.

    Raises:
        RecordsError: No rows, or more panels than fit a page.
    """
    sources = sorted(set(effect.get("source", [])))
    source = f"{sources[0]} (source)" if len(sources) == 1 else "source"
    zero_shot = f"zero-shot, {_mean_of(effect)}"

    def draw(axis: Axes, part: pd.DataFrame, order: list[str]) -> None:
        on_source = part[part["quantity"] == "source_drop"]
        mean = part[(part["quantity"] == "zero_shot_drop") & (part["target"] == MEAN)]
        gap = part[(part["quantity"] == "gap_change") & (part["target"] == MEAN)]
        _curve(axis, mean, order, label=zero_shot, colour=ZERO_SHOT_COLOUR, marker="s", aside=0.0)
        _curve(axis, on_source, order, label=source, colour=SOURCE_COLOUR, marker="o", aside=-0.18)
        _curve(axis, gap, order, label="change of the gap", colour=GAP_COLOUR, marker="^", aside=0.18)

    return draw_panels(effect, draw)


def plot_drops_by_seed(pairs: pd.DataFrame, target: str = MEAN) -> MplFigure:
    """Draw the drop of every seed as a dot, per layer window: the spread behind the intervals.

    Takes what ``layerlab.analysis.effects.sensitivity.paired`` gives; the target may be the source, or the
    mean.

    Raises:
        RecordsError: No rows, or more panels than fit a page.
    """
    rows = pairs[(pairs["target"] == target) & (pairs["quantity"] != "gap_change")]
    seeds, factor = sorted(set(rows["seed"])), unit_of(pairs).factor

    def draw(axis: Axes, part: pd.DataFrame, order: list[str]) -> None:
        for index, seed in enumerate(seeds):
            one = part[part["seed"] == seed].set_index("place")["effect"].reindex(order)
            style = line_style(index) | {"linestyle": "none"}
            x = np.arange(len(order)) + shift(index, len(seeds))
            axis.plot(x, factor * one, label=f"seed {seed}", ms=2.8, **style)

    what = _mean_of(rows) if target == MEAN else target
    bare = dict.fromkeys(("low", "high", "reference_low", "reference_high"), np.nan)
    return draw_panels(rows.assign(**bare, n_seeds=1, seeds="", interval="t"), draw, f", {what}")


def _caption(panel: Panel, part: pd.DataFrame) -> str:
    mean = part[part["target"] == MEAN]
    on_targets = f" and on the mean of {targets_words(part)}" if len(mean) else ""
    shown = part[(part["quantity"] == "source_drop") | (part["target"] == MEAN)]
    gap = "and how it changes the gap between them, " if (part["quantity"] == "gap_change").any() else ""
    dots = panel.named or part["place"].nunique() == 1
    return (
        f"{costs_words(panel)} on the source ({panel.source}){on_targets}, {gap}{unit_words(panel, part)}; "
        f"{effects_words(shown, 'bars' if dots else 'bands')}."
    )


SENSITIVITY = Figure(
    "sensitivity",
    shows="what each layer costs on the source and zero-shot",
    needs=PAIRED,
    find=partial(find_panels, "sensitivity", "Cost by layers", plot_sensitivity, _caption),
)


def _curve(
    axis: Axes, rows: pd.DataFrame, order: list[str], *, label: str, colour: str, marker: str, aside: float
) -> None:
    """Draw one curve over the windows, with its band where there is an interval.

    Named ablations, and a window by itself, are dots with bars instead, set aside so that none hides another.
    """
    as_line = rows.empty or joined(rows)
    rows = unit_of(rows).factor * rows.set_index("place")[["effect", "low", "high"]].reindex(order)
    if rows["effect"].isna().all():
        return
    x = np.arange(len(order)) + (0 if as_line else aside)
    # The gap's change is behind what it is the difference of.
    line, depth = (":", 1.5) if colour == GAP_COLOUR else ("-", 2.0)
    look: dict[str, Any] = {"color": colour, "marker": marker, "zorder": depth}
    look["linestyle"] = line if as_line else "none"
    axis.plot(x, rows["effect"], label=label, **look)
    if as_line:
        draw_band(axis, x, rows["low"], rows["high"], colour)
    elif rows["low"].notna().any():
        axis.vlines(x, rows["low"], rows["high"], color=colour, lw=0.9)


def _mean_of(effect: pd.DataFrame) -> str:
    """Say over how many targets the means of a frame run."""
    counts = sorted(set(effect[effect["target"] == MEAN]["n_targets"])) if "n_targets" in effect else []
    if counts == [1]:
        targets = set(effect[effect["quantity"] == "zero_shot_drop"]["target"]) - {MEAN}
        return next(iter(targets)) if len(targets) == 1 else "1 target"
    return f"mean of {' or '.join(map(str, counts))} targets"
