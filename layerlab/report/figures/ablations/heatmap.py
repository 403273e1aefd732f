"""Layers x targets, in points, around zero: red where an ablation hurts, blue where it helps."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure as MplFigure
from matplotlib.text import Text

from layerlab.analysis.effects.sensitivity import LANGUAGE_QUANTITY, MEAN
from layerlab.errors import RecordsError
from layerlab.report.figures.ablations.effect_panels import (
    TRANSFER,
    costs_words,
    find_panels,
    means_words,
    targets_words,
    unit_words,
)
from layerlab.report.figures.figure import Figure
from layerlab.report.style.axes import fit_title, label_layers, label_names, names_width, wide_enough
from layerlab.report.style.panels import Panel, only_panel, panel_titles, places
from layerlab.report.style.style import DIVERGING, figure_style, ink
from layerlab.report.style.units import Unit, unit_of
from layerlab.targets import sources_of

_GAP = 0.25  # rows, between the source, the targets and their mean
_CELL = 0.235  # inches that "-12.3" needs at 6.5 points
_ROW = 0.165  # inches
_MARGIN = 1.05  # inches beside the cells


def plot_heatmap(
    effect: pd.DataFrame, quantity: Literal["zero_shot_drop", "gap_change"] = "zero_shot_drop"
) -> MplFigure:
    """Draw the effect of every layer window (or named ablation) on every target, annotated in its unit.

    Rows: the source's own drop, set apart on top; the targets, in the order of their names; their mean, set
    apart below. The colours are centred at zero. At the width of an ACL column where the numbers fit into it,
    else of the page; where they do not fit the page either, colours alone.

    Args:
        effect: What ``layerlab.analysis.effects.sensitivity`` gives, of one model, task, source and sweep.
        quantity: ``zero_shot_drop``, or ``gap_change``: what a target loses beyond the source (then the
            source has no row).

    Raises:
        RecordsError: No rows, or several panels, which the message lists.
    """
    panel, part = only_panel(effect, "a heatmap")
    order, unit = places(part), unit_of(part)
    blocks = _blocks(part, quantity, panel.source, order)
    if not blocks:
        raise RecordsError(f"there is no {quantity} to show: the records have no target but the source")
    n_rows = sum(len(block) for block in blocks)
    largest = max(float(np.nanmax(np.abs(block.to_numpy()))) for block in blocks)
    # An all-zero map still needs a scale; and one below a point would make noise look like an effect.
    norm = Normalize(-max(largest, unit.smallest), max(largest, unit.smallest))
    width = wide_enough(len(order), _CELL, margin=_MARGIN)
    if panel.named:
        width = max(width, names_width(order, _MARGIN))
    with figure_style():
        height = 0.85 + _ROW * (n_rows + _GAP * (len(blocks) - 1))
        figure = MplFigure(figsize=(width, height), layout="constrained")
        axis = figure.subplots()
        annotated = (width - _MARGIN) / len(order) >= 0.9 * _CELL
        ticks = _draw_blocks(axis, blocks, norm, unit if annotated else None)
        axis.set_yticks(list(ticks.values()), list(ticks.keys()))
        axis.set_ylim(max(ticks.values()) + 0.5, -0.5)
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
        if panel.named:
            figure.set_figheight(height + label_names(axis, order, width - _MARGIN))
        else:
            label_layers(axis, order, width - _MARGIN)
        axis.set_title(fit_title(panel_titles([panel])[panel], width - 0.3))
        bar = figure.colorbar(axis.collections[0], ax=axis, fraction=0.05, pad=0.02, aspect=25)
        bar.set_label(f"{'drop' if quantity == 'zero_shot_drop' else 'gap change'} ({unit.words})")
        bar.outline.set_visible(False)
    return figure


def _caption(panel: Panel, part: pd.DataFrame) -> str:
    return (
        f"{costs_words(panel)} on the source ({panel.source}), on each of {targets_words(part)} and on their "
        f"mean, {unit_words(panel, part)} (red: the ablation hurts, blue: it helps); {means_words(part)}."
    )


HEATMAP = Figure(
    "heatmap",
    shows="layers x targets",
    needs=TRANSFER,
    find=partial(find_panels, "heatmap", "Layers x targets", plot_heatmap, _caption, zero_shot=True),
)


def _blocks(part: pd.DataFrame, quantity: str, source: str, order: list[str]) -> list[pd.DataFrame]:
    """Lay out the source, the targets and their mean as frames of rows x windows (or names)."""
    targets = part[(part["quantity"] == quantity) & (part["target"] != MEAN)]
    mean = part[(part["quantity"] == quantity) & (part["target"] == MEAN)]
    on_source = part["quantity"].isin(["source_drop", LANGUAGE_QUANTITY])
    own = part[on_source] if quantity == "zero_shot_drop" else part.iloc[:0]
    if targets.empty:
        return []
    names = {name: f"{name} (source)" for name in (source, *sources_of(source))}
    blocks = []
    for rows in (own, targets, mean if targets["target"].nunique() > 1 else mean.iloc[:0]):
        if len(rows):
            table = rows.pivot(index="target", columns="place", values="effect").reindex(columns=order)
            blocks.append(unit_of(part).factor * table.sort_index().rename(index=names))
    return blocks


def _draw_blocks(
    axis: Axes, blocks: list[pd.DataFrame], norm: Normalize, unit: Unit | None
) -> dict[str, float]:
    """Draw blocks of cells below one another, with numbers if there is a unit; return where each row is."""
    top, ticks = 0.0, {}
    for block in blocks:
        values = block.to_numpy(dtype=float)
        edges_x = np.arange(values.shape[1] + 1) - 0.5
        edges_y = top + np.arange(values.shape[0] + 1) - 0.5
        mesh = axis.pcolormesh(
            edges_x,
            edges_y,
            np.ma.masked_invalid(values),
            cmap=DIVERGING,
            norm=norm,
            edgecolors="white",
            lw=0.4,
        )
        for index, name in enumerate(block.index):
            ticks[str(name)] = top + index
        if unit is not None:
            for (row, column), value in np.ndenumerate(values):
                _annotate(axis, column, top + row, value, mesh.to_rgba(value), unit)
        top += len(block) + _GAP
    return ticks


def _annotate(axis: Axes, x: float, y: float, value: float, colour: object, unit: Unit) -> Text:
    """Write a number on a cell, white on dark and black on light."""
    black_or_white = ink(colour) if value == value else "black"
    return axis.text(
        x, y, unit.show(value), ha="center", va="center_baseline", fontsize=6.5, color=black_or_white
    )
