"""A study's tables and figures as files, made from its records alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from layerlab.analysis.sensitivity import aggregate, sensitivity
from layerlab.analysis.significance import significance
from layerlab.errors import RecordsError, unknown
from layerlab.report.tables import drop_table, paper_table, to_csv, to_latex, to_markdown

STYLES = ("markdown", "latex", "csv")


def render_table(
    frame: pd.DataFrame, style: str = "markdown", *, metric: str | None = None, effects: bool = False
) -> str:
    """Return the paper's table of a study as text.

    Args:
        frame: Tidy records.
        style: ``markdown``, ``latex`` or ``csv``; CSV is the tidy frame of effects, with their tests.
        metric: The metric; None for each task's own.
        effects: One row a layer window, with intervals and q values, instead of the paper's layout.

    Raises:
        RecordsError: There is no such style or metric, or nothing to compare.
    """
    if style not in STYLES:
        raise RecordsError(unknown("table format", style, STYLES))
    effect = significance(frame, metric, incomplete="drop")
    if style == "csv":
        return to_csv(effect)
    table = drop_table(effect) if effects else paper_table(effect)
    return to_latex(table) if style == "latex" else to_markdown(table) + left_out(effect)


def left_out(effect: pd.DataFrame) -> str:
    """Say what could not be compared, as Markdown; empty if everything was."""
    notes = effect.attrs.get("notes", [])
    return "".join(f"\nNot compared: {note}\n" for note in notes)


def write_figures(frame: pd.DataFrame, folder: Path, *, metric: str | None = None) -> list[Path]:
    """Draw every figure of a study into a folder, as PDF and PNG; return the paths.

    Raises:
        RecordsError: There is nothing to compare.
    """
    from layerlab.report.figures import draw_all

    return draw_all(sensitivity(frame, metric, incomplete="drop"), folder)


def write_report(frame: pd.DataFrame, folder: Path) -> list[Path]:
    """Write the tables and figures of a study below its folder; return the paths.

    Before anything can be compared, only the table of mean scores is written.
    """
    tables = folder / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    texts = {"scores.csv": to_csv(aggregate(frame))}
    figures: list[Path] = []
    effect = significance(frame, incomplete="drop")
    if len(effect):
        paper, drops = paper_table(effect), drop_table(effect)
        texts |= {
            "table.md": to_markdown(paper) + left_out(effect),
            "table.tex": to_latex(paper),
            "effects.csv": to_csv(effect),
        }
        texts |= {"effects.md": to_markdown(drops), "effects.tex": to_latex(drops)}
        figures = write_figures(frame, folder / "figures")
    for name, text in texts.items():
        (tables / name).write_text(text, encoding="utf-8")
    return [*(tables / name for name in texts), *figures]
