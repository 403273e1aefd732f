"""A study's tables as text: Markdown, LaTeX and CSV."""

from __future__ import annotations

from typing import Any, Literal, get_args

import pandas as pd

from layerlab.analysis.effects.scales import POINTS, Scale, check_scale
from layerlab.analysis.sentences.bootstrap import hierarchical_bootstrap
from layerlab.analysis.sentences.hierarchical import compare_effects
from layerlab.analysis.stored.frame_files import to_csv as to_csv
from layerlab.analysis.transfer.oracle import oracle_distances
from layerlab.errors import RecordsError, unknown
from layerlab.report.style.units import unit_named
from layerlab.report.tables.effects.comparison import comparison_table
from layerlab.report.tables.effects.domains import with_domains
from layerlab.report.tables.effects.drops import drop_table
from layerlab.report.tables.effects.paper import paper_table
from layerlab.report.tables.formats.latex import to_latex
from layerlab.report.tables.formats.markdown import to_markdown
from layerlab.report.tables.trajectory import trajectory_table

#: Kinds of intervals of effects.
Interval = Literal["hierarchical", "t", "bootstrap"]
INTERVALS: tuple[Interval, ...] = get_args(Interval)

STYLES = ("markdown", "latex", "csv")


def render_table(
    frame: pd.DataFrame,
    style: str = "markdown",
    *,
    metric: str | None = None,
    effects: bool = False,
    counts: pd.DataFrame | None = None,
    interval: Interval = "hierarchical",
    scale: Scale = POINTS,
    margin: float | None = None,
) -> str:
    """Return the paper's table of a study as text.

    Args:
        frame: Tidy records.
        style: ``markdown``, ``latex`` or ``csv``; CSV is the tidy frame of effects, with their tests.
        metric: The metric; None for each task's own.
        effects: One row a layer window, with intervals and q values, instead of the paper's layout.
        counts: What ``layerlab.analysis.sentences.counts.load_counts`` gives, for intervals over seeds and
            sentences.
        interval: ``hierarchical``, which without counts is ``t``; ``t``; or ``bootstrap``, which is shown as
            one row a layer window.
        scale: ``points`` or ``log-odds``, of effects.
        margin: The largest effect that does not matter, in points or log-odds; None for 1 point, or 0.1.

    Raises:
        RecordsError: There is no such style or metric, or nothing to compare.
    """
    if style not in STYLES:
        raise RecordsError(unknown("table format", style, STYLES))
    unit = unit_named(check_scale(scale))
    wanted: dict[str, Any] = {"scale": scale, "margin": None if margin is None else margin / unit.factor}
    if interval == "bootstrap":
        if counts is None:
            raise RecordsError("bootstrap intervals need counts of sentences")
        effect, effects = hierarchical_bootstrap(frame, counts, metric, incomplete="drop", **wanted), True
    else:
        effect = compare_effects(frame, counts if interval == "hierarchical" else None, metric, **wanted)
    if style == "csv":
        return to_csv(effect)
    table = drop_table(effect) if effects else paper_table(effect)
    table = with_domains(table, effect)
    return to_latex(table) if style == "latex" else to_markdown(table) + left_out(effect)


def render_distances(frame: pd.DataFrame, style: str = "markdown", *, metric: str | None = None) -> str:
    """Return the table of a study's trajectories as text; CSV is the tidy frame behind it.

    Raises:
        RecordsError: There is no such style or metric.
    """
    if style not in STYLES:
        raise RecordsError(unknown("table format", style, STYLES))
    if style == "csv":
        return to_csv(oracle_distances(frame, metric))
    table = trajectory_table(frame, metric)
    return to_latex(table) if style == "latex" else to_markdown(table)


def render_comparison(effect: pd.DataFrame, style: str = "markdown") -> str:
    """Return the table of several studies side by side; CSV is the tidy frame behind it.

    Raises:
        RecordsError: There is no such style, or no sweep that two studies share.
    """
    if style not in STYLES:
        raise RecordsError(unknown("table format", style, STYLES))
    if style == "csv":
        return to_csv(effect)
    table = comparison_table(effect)
    return to_latex(table) if style == "latex" else to_markdown(table) + left_out(effect)


def left_out(effect: pd.DataFrame) -> str:
    """Say what could not be compared, as Markdown; empty if everything was."""
    notes = effect.attrs.get("notes", [])
    return "".join(f"\nNot compared: {note}\n" for note in notes)
