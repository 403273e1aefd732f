"""Curves over the layers: what an ablation of each window costs on the source and without training data.

Every function takes what ``layerlab.analysis.sensitivity`` gives and returns a matplotlib ``Figure`` at the
width of an ACL column, or of the page for several panels. One panel shows one model, task, source and sweep
(phase, intervention and its options), or as dots the ablations that have names; several panels share one
scale. Units are points (fractions x 100). A frame without rows is an error that says what the records lack.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from layerlab.analysis.sensitivity import MEAN
from layerlab.analysis.stored import Where
from layerlab.analysis.sweeps import NAMED
from layerlab.report.figures.heatmap import plot_heatmap
from layerlab.report.style.axes import label_layers, label_names, names_width, panel_grid, panel_width
from layerlab.report.style.panels import panel_titles, panels, places
from layerlab.report.style.style import (
    COLUMN_WIDTH,
    SOURCE_COLOUR,
    ZERO_SHOT_COLOUR,
    figure_style,
    line_style,
)

__all__ = ["plot_curves", "plot_drops_by_seed", "plot_heatmap", "plot_sensitivity", "save_figure"]

_DROP = "drop from baseline (points)"
_MOST_MARKED = 12  # targets or windows; beyond it markers hide the lines


def plot_sensitivity(effect: pd.DataFrame) -> Figure:
    """Draw the drop on the source against the mean drop on the zero-shot targets, per layer window.

    Bands are the 95% t intervals over seeds; with one seed there are none. Named ablations are dots with
    bars.

    Raises:
        RecordsError: No rows, or more panels than fit a page.
    """
    sources = sorted(set(effect.get("source", [])))
    source = f"{sources[0]} (source)" if len(sources) == 1 else "source"
    zero_shot = f"zero-shot, {_mean_of(effect)}"

    def draw(axis: Axes, part: pd.DataFrame, order: list[str]) -> None:
        on_source = part[part["quantity"] == "source_drop"]
        mean = part[(part["quantity"] == "zero_shot_drop") & (part["target"] == MEAN)]
        _curve(axis, mean, order, label=zero_shot, colour=ZERO_SHOT_COLOUR, marker="s", shift=0.09)
        _curve(axis, on_source, order, label=source, colour=SOURCE_COLOUR, marker="o", shift=-0.09)

    return _draw_panels(effect, draw)


def plot_curves(effect: pd.DataFrame) -> Figure:
    """Draw the drop on every target language, and the mean of several in black, per layer window.

    Intervals are left out, as those of many lines cover one another; ``plot_sensitivity`` and the tables
    have them.

    Raises:
        RecordsError: No rows, or more panels than fit a page.
    """
    panels(effect)  # refuses a frame of something else
    drawn = effect[(effect["quantity"] == "zero_shot_drop") & (effect["target"] != MEAN)]
    targets = sorted(set(drawn["target"]))
    styles = {target: line_style(index) for index, target in enumerate(targets)}
    crowded = len(targets) > _MOST_MARKED or drawn["layers"].nunique() > _MOST_MARKED

    def draw(axis: Axes, part: pd.DataFrame, order: list[str]) -> None:
        drops = part[part["quantity"] == "zero_shot_drop"]
        joined = _joined(part)
        for index, target in enumerate(targets):
            one = drops[drops["target"] == target].set_index("place")["effect"].reindex(order)
            style = styles[target]
            if not joined:
                style = style | {"linestyle": "none"}
            elif crowded:
                style = style | {"marker": ""}
            if one.notna().any():
                x = np.arange(len(order)) + (0 if joined else _shift(index, len(targets)))
                axis.plot(x, 100 * one, label=target, lw=0.9, ms=2.5, **style)
        mean = drops[(drops["target"] == MEAN) & (drops["n_targets"] > 1)]
        if len(mean):
            values, at = 100 * mean.set_index("place")["effect"].reindex(order), np.arange(len(order))
            if joined:
                axis.plot(at, values, label="mean", color="black", lw=1.8, zorder=5)
            else:
                axis.hlines(values, at - 0.4, at + 0.4, label="mean", color="black", lw=1, zorder=1)

    return _draw_panels(effect, draw)


def plot_drops_by_seed(pairs: pd.DataFrame, target: str = MEAN) -> Figure:
    """Draw the drop of every seed as a dot, per layer window: the spread behind the intervals.

    Args:
        pairs: Differences by seed, as ``layerlab.analysis.sensitivity.paired`` gives them.
        target: A zero-shot target, the source, or ``"mean"`` over the zero-shot targets.

    Raises:
        RecordsError: No rows, or more panels than fit a page.
    """
    rows = pairs[(pairs["target"] == target) & (pairs["quantity"] != "gap_change")]
    seeds = sorted(set(rows["seed"]))

    def draw(axis: Axes, part: pd.DataFrame, order: list[str]) -> None:
        for index, seed in enumerate(seeds):
            one = part[part["seed"] == seed].set_index("place")["effect"].reindex(order)
            style = line_style(index) | {"linestyle": "none"}
            x = np.arange(len(order)) + _shift(index, len(seeds))
            axis.plot(x, 100 * one, label=f"seed {seed}", ms=2.8, **style)

    what = _mean_of(rows) if target == MEAN else target
    return _draw_panels(
        rows.assign(low=np.nan, high=np.nan, n_seeds=1, seeds=""), draw, f"drop, {what} (points)"
    )


def save_figure(figure: Figure, stem: Where) -> tuple[Path, Path]:
    """Save a figure as PDF, with its fonts embedded, and as PNG at 300 dots an inch, at its exact size.

    Args:
        figure: The figure.
        stem: The path without a suffix; folders are made.

    Returns:
        The paths of the PDF and of the PNG.
    """
    stem = Path(stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    pdf, png = (stem.with_name(stem.name + suffix) for suffix in (".pdf", ".png"))
    with figure_style():
        # Without a date, equal figures give equal files.
        figure.savefig(pdf, metadata={"CreationDate": None})
        figure.savefig(png)
    return pdf, png


def _draw_panels(
    effect: pd.DataFrame, draw: Callable[[Axes, pd.DataFrame, list[str]], None], ylabel: str = _DROP
) -> Figure:
    """Draw each panel with ``draw``, and what all panels have: zero, labels, one legend below."""
    parts = panels(effect)
    with figure_style():
        names = [places(part) for panel, part in parts.items() if panel.named]
        single = max(map(names_width, names), default=COLUMN_WIDTH)
        figure, axes = panel_grid(list(panel_titles(list(parts)).values()), single)
        columns = len({axis.get_position().x0 for axis in axes})
        taller = 0.0
        for index, (axis, (panel, part)) in enumerate(zip(axes, parts.items(), strict=True)):
            order = places(part)
            axis.axhline(0, color="0.6", lw=0.6, zorder=0)
            draw(axis, part, order)
            if panel.named:
                taller = max(taller, label_names(axis, order, panel_width(figure, len(parts))))
            else:
                label_layers(axis, order, panel_width(figure, len(parts)))
            axis.set_xlim(-0.5, len(order) - 0.5)
            axis.set_ylabel(ylabel if index % columns == 0 else "")
        figure.set_figheight(float(figure.get_size_inches()[1]) + taller * -(-len(axes) // columns))
        put_legend(figure, axes)
    return figure


def _joined(part: pd.DataFrame) -> bool:
    """Whether a line through a panel's values means something: they lie in order of the layers."""
    return part["sweep"].iloc[0] != NAMED and part["place"].nunique() > 1


def _shift(index: int, n: int) -> float:
    """Place the n-th of several dots beside the others."""
    return (index - (n - 1) / 2) * min(0.15, 0.7 / n)


def _curve(
    axis: Axes, rows: pd.DataFrame, order: list[str], *, label: str, colour: str, marker: str, shift: float
) -> None:
    """Draw one curve in points over the windows, with its band where there is an interval.

    Named ablations, and a window by itself, are dots with bars instead, shifted so that none hides another.
    """
    joined = rows.empty or _joined(rows)
    rows = 100 * rows.set_index("place")[["effect", "low", "high"]].reindex(order)
    if rows["effect"].isna().all():
        return
    x = np.arange(len(order)) + (0 if joined else shift)
    line = "-" if joined else "none"
    axis.plot(x, rows["effect"], label=label, color=colour, marker=marker, linestyle=line)
    if rows["low"].isna().all():
        return
    if joined:
        axis.fill_between(x, rows["low"], rows["high"], color=colour, alpha=0.2, lw=0)
    else:
        axis.vlines(x, rows["low"], rows["high"], color=colour, lw=0.9)


def put_legend(figure: Figure, axes: list[Axes]) -> None:
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


def _mean_of(effect: pd.DataFrame) -> str:
    """Say over how many targets the means of a frame run."""
    counts = sorted(set(effect[effect["target"] == MEAN]["n_targets"])) if "n_targets" in effect else []
    if counts == [1]:
        targets = set(effect[effect["quantity"] == "zero_shot_drop"]["target"]) - {MEAN}
        return next(iter(targets)) if len(targets) == 1 else "1 target"
    return f"mean of {' or '.join(map(str, counts))} targets"
