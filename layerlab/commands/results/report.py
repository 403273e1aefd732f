"""The command-line verb ``report``: all tables, all figures and one page of a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from layerlab.commands.arguments import (
    Imports,
    Png,
    beside,
    figure_formats,
    import_named,
    labelled,
    results_folder,
    writable,
)
from layerlab.tracking.choice import Tracker

# How long to wait for another process that writes the report, in seconds.
_PATIENCE: Final = 600.0


def renew_report(folder: Path, *, png: bool = False) -> list[Path]:
    """Write a results directory's report into it, unless it would come out the same; return its files.

    Args:
        folder: Results directory.
        png: Whether figures are written as PNG, too.
    """
    from layerlab.analysis.stored.made import digest_inputs, made_of, note_made
    from layerlab.nodes.store.lock import lock_of, locked

    with locked(lock_of(folder / "index.html"), _PATIENCE):  # one process after the other
        inputs = digest_inputs(folder)
        paths = made_of(folder, "report", inputs)
        if paths and (not png or any(path.suffix == ".png" for path in paths)):
            return paths
        from layerlab.report.page.study_report import report_on

        paths = report_on(folder, folder, formats=figure_formats(png))
        note_made(folder, "report", inputs, paths)
        return paths


def show_report(trackers: Sequence[Tracker], study: str, folder: Path, paths: Sequence[Path]) -> None:
    """Show the figures of a report at trackers, in a run of the study's own, unless they were shown before.

    Args:
        trackers: Which ones.
        study: Name of the study.
        folder: Results directory.
        paths: Files of the report.
    """
    from layerlab.analysis.stored.made import digest_inputs, made_of, note_made

    inputs, figures = digest_inputs(folder), [path for path in paths if path.suffix == ".png"]
    if not figures or made_of(folder, "shown", inputs):
        return
    from layerlab.tracking.backends import TrackerRun
    from layerlab.tracking.tracked import Tracked

    run = TrackerRun(study, f"{study}-report", f"{study}-report", {"study": study})
    tracked = Tracked(trackers, run, folder / "trackers")
    for path in figures:
        tracked.image(f"figures/{path.stem}", path)
    tracked.close()
    note_made(folder, "shown", inputs, figures)


def report(
    results: Annotated[
        list[str],
        typer.Argument(
            help="Results directories, study files or records files; LABEL=RESULTS names one of several.",
            metavar="RESULTS...",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Directory [default: RESULTS/report; of several studies comparison].",
            callback=writable,
        ),
    ] = None,
    png: Png = False,
    imports: Imports = None,
) -> None:
    """Write all tables, all figures, and one self-contained HTML page with them.

    Of several studies: the settings that differ, and what the same ablations cost, side by side.

    \b
    layerlab report results/random-init-upos
    layerlab report results/random-init-upos --output paper
    layerlab report results/minibert results/minibert-long --output both
    """
    from layerlab.report.page.comparison_report import report_on_several
    from layerlab.report.page.study_report import report_on

    import_named(imports)
    if len(results) > 1:
        several = report_on_several(
            labelled(results), output or Path("comparison"), formats=figure_formats(png)
        )
        for path in several:
            print(path)
        return
    folder = results_folder(Path(results[0]))
    target = output or beside(Path(results[0]), folder, "report")
    for path in report_on(folder, target, formats=figure_formats(png)):
        print(path)
