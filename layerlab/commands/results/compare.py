"""``layerlab compare``: several studies in one table and one figure, what sets them apart named first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerlab.commands.arguments import Metric, Png, figure_formats, results_folder, writable
from layerlab.commands.completion import formats
from layerlab.errors import RecordsError
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

    folders = _labelled(results)
    frames = {label: load_records(folder) for label, folder in folders.items()}
    frame = side_by_side(frames, metric)
    effect = sensitivity(frame, metric, incomplete="drop")
    text = render_comparison(effect, style)
    if style == "markdown":
        print(visible(_apart(folders, frames, frame.attrs["notes"]), keep="\n"))
    print(text)
    if output is not None:
        _draw(effect, output, figure_formats(png))


def _labelled(results: Sequence[str]) -> dict[str, Path]:
    """Name each folder by its label, or by itself.

    Raises:
        RecordsError: Two have one name.
    """
    found: dict[str, Path] = {}
    for text in results:
        label, separator, rest = text.partition("=")
        folder = results_folder(Path(rest if separator else text))
        label = label if separator else (folder if folder.is_dir() else folder.parent).resolve().name
        if label in found:
            raise RecordsError(f"two studies are called {label!r}: name one, as in other={folder}")
        found[label] = folder
    return found


def _apart(folders: Mapping[str, Path], frames: Mapping[str, pd.DataFrame], notes: Sequence[str]) -> str:
    """Write the settings that are not the same, a line each."""
    from layerlab.analysis.effects.comparison import differences
    from layerlab.report.page.about import read_about
    from layerlab.report.page.study_facts import plain

    settings: dict[str, Mapping[str, Any]] = {
        label: read_about(folder, frames[label]).settings for label, folder in folders.items()
    }
    lines = ["Settings that differ", ""]
    for one in differences(settings):
        values = (
            f"{label} {'default' if value is None else plain(value)}"
            for label, value in zip(folders, one.values, strict=True)
        )
        lines.append(f"- {one.key}: {'; '.join(values)}")
    unknown = [label for label, known in settings.items() if not known]
    lines += [f"- the study file of {label} is not there" for label in unknown]
    lines += [] if len(lines) > 2 else ["- none"]
    return "\n".join([*lines, *(f"- {note}" for note in notes), ""])


def _draw(effect: pd.DataFrame, output: Path, formats: Sequence[str]) -> None:
    from layerlab.report.figures.ablations.comparison import plot_comparison
    from layerlab.report.style.groups import comparable
    from layerlab.report.style.saving import save_figure
    from layerlab.report.style.wording import slug

    output.mkdir(parents=True, exist_ok=True)
    for group in comparable(effect):
        panel, _ = group[0]
        stem = output / slug(f"comparison {panel.task} {panel.source} {panel.sweep}")
        for path in save_figure(plot_comparison(group), stem, formats):
            print(path)
