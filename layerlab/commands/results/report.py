"""The command-line verb ``report``: all tables, all figures and one page of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from layerlab.commands.arguments import (
    Imports,
    Png,
    Results,
    figure_formats,
    import_named,
    results_folder,
    writable,
)

# How long to wait for another process that writes the report, in seconds.
_PATIENCE: Final = 600.0


def renew_report(folder: Path) -> list[Path]:
    """Write a results directory's report into it, unless it would come out the same; return its files."""
    from layerlab.analysis.stored.made import digest_inputs, made_of, note_made
    from layerlab.nodes.store.lock import lock_of, locked

    with locked(lock_of(folder / "index.html"), _PATIENCE):  # one process after the other
        inputs = digest_inputs(folder)
        if paths := made_of(folder, "report", inputs):
            return paths
        from layerlab.report.page.study_report import report_on

        paths = report_on(folder, folder)
        note_made(folder, "report", inputs, paths)
        return paths


def report(
    results: Results,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Directory [default: RESULTS/report].", callback=writable),
    ] = None,
    png: Png = False,
    imports: Imports = None,
) -> None:
    """Write all tables, all figures, and one self-contained HTML page with them.

    \b
    layerlab report results/random-init-upos
    layerlab report results/random-init-upos --output paper
    """
    from layerlab.report.page.study_report import report_on

    import_named(imports)
    folder = results_folder(results)
    target = output or (folder if folder.is_dir() else folder.parent) / "report"
    for path in report_on(folder, target, formats=figure_formats(png)):
        print(path)
