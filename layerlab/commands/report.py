"""The command-line verb ``report``: all tables, all figures and one page of a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from layerlab.commands.arguments import Imports, Png, Results, figure_formats, import_named, results_folder


def report(
    results: Results,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Directory [default: RESULTS/report].")
    ] = None,
    png: Png = False,
    imports: Imports = None,
) -> None:
    """Write all tables, all figures, and one page of HTML that holds them and needs nothing else.

    \b
    layerlab report results/random-init-upos
    layerlab report results/random-init-upos --output paper
    """
    import_named(imports)
    folder = results_folder(results)
    target = output or (folder if folder.is_dir() else folder.parent) / "report"
    for path in write_study_report(folder, target, figure_formats(png)):
        print(path)


def write_study_report(results: Path, folder: Path, formats: Sequence[str] = ("pdf",)) -> list[Path]:
    """Write the report of a store, a published study or a file of records into a folder; return the paths."""
    from layerlab.analysis.records import load_records
    from layerlab.report.page.about import read_about
    from layerlab.report.page.study_report import write_report

    frame = load_records(results)
    return write_report(frame, folder, read_about(results, frame), formats=formats)
