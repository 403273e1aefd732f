"""``layerlab records`` and ``layerlab table``: a study's numbers as text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerlab.commands.arguments import EffectScale, Metric, Results, results_folder, writable_file
from layerlab.commands.completion import formats
from layerlab.names import visible

if TYPE_CHECKING:
    import pandas as pd


Interval = Annotated[
    str,
    typer.Option(
        help="hierarchical: over seeds and test sentences (over seeds where the results have no counts); "
        "t: over seeds; bootstrap: both by resampling, shown as --effects."
    ),
]
Margin = Annotated[
    float | None,
    typer.Option(
        help="Largest effect that does not matter, for the test of no effect [default: 1 point, or 0.1 "
        "log-odds]."
    ),
]


def records(
    results: Results,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A .csv or .parquet file; with --by a new folder."),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="COLUMN", help="Part the records by this column; may be repeated."),
    ] = None,
    counts: Annotated[
        bool,
        typer.Option("--counts", help="What each test sentence contributes, as .npz or .parquet."),
    ] = False,
    trajectories: Annotated[
        bool, typer.Option("--trajectories", help="Scores along training: one row a fit, point and target.")
    ] = False,
) -> None:
    """Print the tidy records of a study as CSV, one row a run, target and metric.

    \b
    layerlab records results/random-init-upos > records.csv
    layerlab records results/random-init-upos -o records.parquet
    layerlab records results/random-init-upos -o parts --by task --by source
    layerlab records s3://bucket/random-init-upos -o records.parquet
    layerlab records results/random-init-upos --counts -o published/counts.npz
    layerlab records results/trajectory --trajectories -o published/trajectories.csv
    """
    if by and (output is None or counts or trajectories):
        raise typer.BadParameter("records are parted in a folder: give a new one with -o", param_hint="--by")
    if not by:
        writable_file(output)
    folder = results_folder(results)
    if counts:
        from layerlab.analysis.sentences.counts import load_counts, write_counts

        if output is None:
            raise typer.BadParameter("counts are written to a file: give one with -o", param_hint="--counts")
        write_counts(load_counts(folder), output)
        return
    from layerlab.analysis.stored.frame_files import to_csv

    if trajectories:
        from layerlab.analysis.records.trajectories import load_trajectories as load
        from layerlab.analysis.records.trajectories import write_trajectories as write
    else:
        from layerlab.analysis.records.tidy import load_records as load
        from layerlab.analysis.records.tidy import write_records as write

    frame = load(folder)
    if by and output is not None:
        from layerlab.analysis.records.tidy import write_records

        write_records(frame, output, by)
        return
    if output is None:
        text = to_csv(frame)
        print(visible(text, keep="\n\t") if sys.stdout.isatty() else text, end="")
    else:
        write(frame, output)


def table(
    results: Results,
    style: Annotated[
        str, typer.Option("--format", "-f", help="markdown, latex or csv.", autocompletion=formats)
    ] = "markdown",
    metric: Metric = None,
    effects: Annotated[
        bool, typer.Option("--effects", help="One row an effect, with intervals and q values.")
    ] = False,
    interval: Interval = "hierarchical",
    trajectories: Annotated[
        bool, typer.Option("--trajectories", help="The chosen epoch and the best one by target.")
    ] = False,
    scale: EffectScale = "points",
    margin: Margin = None,
) -> None:
    """Print the paper's table: source and zero-shot scores, and the cost of each ablation.

    A second table has other corpora of the source's language, if the targets include any.

    \b
    layerlab table results/random-init-upos
    layerlab table results/random-init-upos --format latex > table.tex
    layerlab table results/random-init-upos --interval bootstrap
    layerlab table results/trajectory --trajectories
    layerlab table results/random-init-upos --effects --scale log-odds
    """
    from layerlab.analysis.effects.scales import check_scale
    from layerlab.analysis.records.tidy import load_records
    from layerlab.errors import RecordsError, unknown
    from layerlab.report.tables.formats.text import INTERVALS, render_distances, render_table

    kind = next((name for name in INTERVALS if name == interval), None)
    if kind is None:
        raise RecordsError(unknown("interval", interval, INTERVALS))
    folder = results_folder(results)
    if trajectories:
        from layerlab.analysis.records.trajectories import load_trajectories

        print(render_distances(load_trajectories(folder), style, metric=metric))
        return
    frame = load_records(folder)
    shown: dict[str, Any] = {"metric": metric, "effects": effects, "interval": kind, "margin": margin}
    counts = None if kind == "t" else _counts(folder, frame, metric, required=kind == "bootstrap")
    print(render_table(frame, style, counts=counts, scale=check_scale(scale), **shown))


def _counts(folder: Path, frame: pd.DataFrame, metric: str | None, *, required: bool) -> pd.DataFrame | None:
    """Read the counts of sentences of the metrics that are shown."""
    from layerlab.analysis.effects.sweeps import select_scores
    from layerlab.analysis.sentences.counts import find_counts, load_counts

    metrics = set(select_scores(frame, metric)["metric"])
    return load_counts(folder, metrics=metrics) if required else find_counts(folder, metrics)
