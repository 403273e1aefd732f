"""The command-line verb ``plot``: the figures that a study's records have data for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from layerlab.commands.arguments import Metric, Results, results_folder


def plot(
    results: Results,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Directory [default: RESULTS/figures].")
    ] = None,
    metric: Metric = None,
    figures: Annotated[
        list[str] | None,
        typer.Option("--figure", metavar="NAME", help="Only this kind of figure; may be repeated."),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Say which figures the records have data for; draw none.")
    ] = False,
) -> None:
    """Draw every figure that the records have data for, as PDF and PNG.

    \b
    layerlab plot results/random-init-upos
    layerlab plot results/random-init-upos --list
    layerlab plot results/random-init-upos --figure heatmap --output figures
    """
    from layerlab.analysis.records import load_records

    folder = results_folder(results)
    frame = load_records(folder)
    if listed:
        from layerlab.report.figures.gallery import list_figures

        print(list_figures(frame, metric=metric))
        return
    from layerlab.report.page.writing import write_figures

    target = output or (folder if folder.is_dir() else folder.parent) / "figures"
    for path in write_figures(frame, target, metric=metric, figures=figures or ()):
        print(path)
