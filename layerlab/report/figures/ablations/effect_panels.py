"""Figures of effects, panel by panel: what their curves, words and files have in common.

A panel shows one model, task, source and sweep (phase, intervention and its options), or as dots the
ablations that have names; several panels share one scale. Units are points (fractions x 100) or log-odds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.sensitivity import MEAN
from layerlab.analysis.effects.sweeps import FACTORS, NAMED
from layerlab.report.figures.figure import Drawing, Material
from layerlab.report.style.axes import (
    draw_zero,
    label_layers,
    label_names,
    names_width,
    panel_grid,
    panel_width,
    put_legend,
)
from layerlab.report.style.captions import count, over_words
from layerlab.report.style.caution import limit_words
from layerlab.report.style.panels import Panel, panel_titles, panels, places
from layerlab.report.style.style import COLUMN_WIDTH, figure_style
from layerlab.report.style.units import unit_of

_DRAWN = ("source_drop", "zero_shot_drop")

PAIRED = "an ablation and its baseline with the same seeds"
TRANSFER = f"{PAIRED}, scored on a target other than the source"


def find_panels(
    name: str,
    heading: str,
    plot: Callable[[pd.DataFrame], MplFigure],
    caption: Callable[[Panel, pd.DataFrame], str],
    material: Material,
    *,
    zero_shot: bool = False,
) -> Iterator[Drawing]:
    """Yield a drawing for each panel of the effects; if ``zero_shot``, of those with zero-shot targets."""
    if material.effect.empty:
        return
    parts = panels(material.effect)
    titles = panel_titles(list(parts))
    for panel, part in parts.items():
        if zero_shot and not (part["target"] == MEAN).any():
            continue
        title = f"{heading}: {', '.join(titles[panel].splitlines())}"
        stem = material.stem(name, asdict(panel), panel.sweep, scaled=True)
        words = " ".join(filter(None, [caption(panel, part), limit_words(part)]))
        yield Drawing(stem, title, words, partial(plot, part))


def draw_panels(
    effect: pd.DataFrame, draw: Callable[[Axes, pd.DataFrame, list[str]], None], what: str = "from baseline"
) -> MplFigure:
    """Draw each panel of drops with ``draw``, and what all panels have: zero, labels, one legend below.

    ``draw`` gets the axis, the rows of one panel and its windows or names in order.

    Raises:
        RecordsError: No rows, or more panels than fit a page.
    """
    parts = panels(effect)
    ylabel = f"drop{' ' * what[0].isalpha()}{what} ({unit_of(effect).words})"
    with figure_style():
        names = [places(part) for panel, part in parts.items() if panel.named]
        single = max(map(names_width, names), default=COLUMN_WIDTH)
        figure, axes = panel_grid(list(panel_titles(list(parts)).values()), ylabel, single)
        taller, width = 0.0, panel_width(figure, len(parts))
        for axis, (panel, part) in zip(axes, parts.items(), strict=True):
            order = places(part)
            draw_zero(axis)
            draw(axis, part, order)
            if panel.named:
                taller = max(taller, label_names(axis, order, width))
            else:
                label_layers(axis, order, width)
            axis.set_xlim(-0.5, len(order) - 0.5)
        n_rows = len({axis.get_position().y0 for axis in axes})
        figure.set_figheight(float(figure.get_size_inches()[1]) + taller * n_rows)
        put_legend(figure, axes)
    return figure


def joined(part: pd.DataFrame) -> bool:
    """Whether a line through a panel's values means something: they lie in order of the layers."""
    return part["sweep"].iloc[0] not in (NAMED, FACTORS) and part["place"].nunique() > 1


def shift(index: int, n: int) -> float:
    """Place the n-th of several dots beside the others."""
    return (index - (n - 1) / 2) * min(0.15, 0.7 / n)


def costs_words(panel: Panel) -> str:
    """Begin a caption: what it is that costs."""
    return "What each ablation costs" if panel.named else "What the ablation of each layer window costs"


def unit_words(panel: Panel, part: pd.DataFrame) -> str:
    """Say in which unit and against what effects are."""
    return f"in {unit_of(part).words} of {panel.metric_words} below the baseline without ablation"


def targets_words(part: pd.DataFrame) -> str:
    """Count the zero-shot targets of a panel."""
    return count(int(part[part["target"] == MEAN]["n_targets"].max()), "zero-shot target")


def means_words(part: pd.DataFrame) -> str:
    """Say over how many seeds the drops of a panel are means, and how wide their intervals are."""
    n_seeds = int(part["n_seeds"].max())
    if n_seeds < 2:
        return "one seed, so there are no intervals"
    return f"means over {n_seeds} seeds, {widest_words(part[part['quantity'].isin(_DRAWN)])}"


def widest_words(rows: pd.DataFrame) -> str:
    """Say how wide the intervals of some effects are at most."""
    unit = unit_of(rows)
    widest = unit.show(unit.factor * float((rows["high"] - rows["effect"]).max()))
    return f"95% intervals {over_words(rows)} at most ±{widest}"
