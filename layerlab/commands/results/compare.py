"""``layerlab compare``: several studies in one table and one figure, what sets them apart named first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layerlab.commands.arguments import Metric, Png, figure_formats, labelled, writable
from layerlab.commands.completion import formats
from layerlab.names import visible

if TYPE_CHECKING:
    import pandas as pd


def compare(
    results: Annotated[
        list[str],
        typer.Argument(
            help="Results directories, study files or records files; LABEL=RESULTS names one.",
            metavar="RESULTS...",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Directory for the figures [default: none drawn].", callback=writable
        ),
    ] = None,
    style: Annotated[
        str, typer.Option("--format", "-f", help="markdown, latex or csv.", autocompletion=formats)
    ] = "markdown",
    metric: Metric = None,
    png: Png = False,
) -> None:
    """Compare studies: the settings in which they differ, then what each ablation costs, side by side.

    Means are over the targets that all studies have.

    \b
    layerlab compare results/minibert results/minibert-long -o comparison
    layerlab compare mbert=results/upos xlmr=results/upos-xlmr --format latex
    """
    from layerlab.analysis.effects.comparison import side_by_side
    from layerlab.analysis.effects.sensitivity import sensitivity
    from layerlab.analysis.records.tidy import load_records
    from layerlab.report.tables.formats.text import render_comparison

    folders = labelled(results)
    frames = {label: load_records(folder) for label, folder in folders.items()}
    frame = side_by_side(frames, metric)
    effect = sensitivity(frame, metric, incomplete="drop")
    text = render_comparison(effect, style)
    if style == "markdown":
        print(visible(_apart(folders, frames, frame.attrs["notes"]), keep="\n"))
    print(text)
    if output is not None:
        _draw(effect, output, figure_formats(png))


def _apart(folders: Mapping[str, Path], frames: Mapping[str, pd.DataFrame], notes: Sequence[str]) -> str:
    """Write the settings that are not the same, a line each."""
    from layerlab.report.page.comparison_report import settings_apart

    lines = [f"- {name}: {value}" for name, value in settings_apart(folders, frames)] or ["- none"]
    return "\n".join(["Settings that differ", "", *lines, *(f"- {note}" for note in notes), ""])


def _draw(effect: pd.DataFrame, output: Path, formats: Sequence[str]) -> None:
    from layerlab.report.figures.ablations.comparison import plot_comparison
    from layerlab.report.page.comparison_report import name_of
    from layerlab.report.style.groups import comparable
    from layerlab.report.style.saving import save_figure

    output.mkdir(parents=True, exist_ok=True)
    for group in comparable(effect):
        for path in save_figure(plot_comparison(group), output / name_of(group), formats):
            print(path)
