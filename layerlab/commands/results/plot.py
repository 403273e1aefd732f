"""The command-line verb ``plot``: the figures that a study's records have data for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from layerlab.commands.arguments import (
    EffectScale,
    Imports,
    Metric,
    Png,
    Results,
    beside,
    figure_formats,
    import_named,
    results_folder,
    writable,
)


def plot(
    results: Results,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Directory [default: RESULTS/figures].", callback=writable),
    ] = None,
    metric: Metric = None,
    figures: Annotated[
        list[str] | None,
        typer.Option("--figure", metavar="NAME", help="Only this figure; may be repeated."),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Say which figures the records have data for; draw none.")
    ] = False,
    scale: EffectScale = "points",
    png: Png = False,
    imports: Imports = None,
) -> None:
    """Draw every figure that the records have data for, as PDF.

    \b
    layerlab plot results/random-init-upos
    layerlab plot results/random-init-upos --list
    layerlab plot results/random-init-upos --scale log-odds
    layerlab plot results/random-init-upos --figure heatmap --png --output figures
    """
    from layerlab.analysis.effects.scales import check_scale
    from layerlab.analysis.records.tidy import load_records
    from layerlab.analysis.records.trajectories import find_trajectories
    from layerlab.report.figures.gallery import draw_all, list_figures

    import_named(imports)
    folder = results_folder(results)
    frame, trajectories = load_records(folder), find_trajectories(folder)
    if listed:
        print(list_figures(frame, metric=metric, trajectories=trajectories))
        return
    target = output or beside(results, folder, "figures")
    wanted: dict[str, Any] = {"figures": figures or (), "formats": figure_formats(png)}
    wanted |= {"scale": check_scale(scale), "trajectories": trajectories}
    for path in draw_all(frame, target, metric=metric, **wanted):
        print(path)
