"""Arguments, options and exit statuses that several verbs share, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from layerlab.commands.completion import devices, kept, overrides, shortcuts
from layerlab.disk import check_writable
from layerlab.errors import RecordsError, StoreError, StudyError

if TYPE_CHECKING:
    from layerlab.study.study import StudyPlan

DONE, SOME_FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130


def _directory(folder: Path | None) -> Path | None:
    """Refuse a file where a directory is read.

    Raises:
        StoreError: It is a file.
    """
    if folder is not None and folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file; expected a directory that can be written")
    return folder


def writable(folder: Path | None) -> Path | None:
    """Refuse a directory that nothing can be written to, before time is spent.

    Raises:
        StoreError: It is a file, or may not be written to.
    """
    if folder is not None:
        check_writable(folder, StoreError)
    return folder


def writable_file(file: Path | None) -> Path | None:
    """Refuse a file that cannot be written, before time is spent.

    Raises:
        StoreError: It is a directory, or its directory may not be written to.
    """
    if file is not None:
        if file.is_dir():
            raise StoreError(f"{file} is a directory; expected a file")
        check_writable(file.parent, StoreError)
    return file


StudyFile = Annotated[Path, typer.Argument(help="Study file (YAML).", metavar="STUDY", show_default=False)]
Results = Annotated[
    Path,
    typer.Argument(
        help="Results directory, study file or records file; or the URL of one.",
        metavar="RESULTS",
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Override a key of the study; may be repeated.",
        autocompletion=overrides,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--results",
        metavar="DIR",
        help="Results directory [default: results/<study name>].",
        callback=_directory,
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="COLUMN=VALUE",
        help="Only runs with this column, such as ablation=none; may be repeated.",
    ),
]
Metric = Annotated[str | None, typer.Option(help="Metric [default: the task's own].")]
EffectScale = Annotated[str, typer.Option("--scale", help="Of effects: points or log-odds.")]
Device = Annotated[str, typer.Option(help="auto or cpu.", autocompletion=devices)]
Workers = Annotated[
    int | None, typer.Option(help="Processes at a time; 0 stays in this one [default: one a GPU or core].")
]
Processes = Annotated[int, typer.Option(min=1, help="Processes that share each fit, one a GPU or core.")]
CheckpointSeconds = Annotated[float, typer.Option(help="Seconds between checkpoints of a fit.")]
Retries = Annotated[int, typer.Option(min=0, help="How often work is tried again whose process died.")]
Shortcuts = Annotated[
    str,
    typer.Option(
        metavar="NAMES",
        help="Fast paths: all, none (the plain way), some by name, or -NAME for all but one.",
        autocompletion=shortcuts,
    ),
]
Keep = Annotated[
    str | None,
    typer.Option(
        metavar="CHOICE",
        help="Fits that keep their weights: needed, all or none [default: what the study says].",
        autocompletion=kept,
    ),
]
Png = Annotated[bool, typer.Option("--png", help="Write every figure as PNG too, at 300 dots an inch.")]
Imports = Annotated[
    list[str] | None,
    typer.Option(
        "--import", metavar="MODULE", help="A module that registers figures of your own; may be repeated."
    ),
]


def figure_formats(png: bool) -> tuple[str, ...]:
    """Return the formats that figures are written in."""
    return ("pdf", "png") if png else ("pdf",)


def import_named(modules: list[str] | None) -> None:
    """Import a user's modules.

    Raises:
        StudyError: One cannot be imported.
    """
    from layerlab.extensions import import_modules

    if problems := import_modules(modules or []):
        raise StudyError(problems, "--import")


def results_folder(results: Path) -> Path:
    """Accept a study file, or a URL, where a results directory is expected."""
    from layerlab.analysis.stored.remote import local_of

    if results.suffix in {".yaml", ".yml"} and results.is_file():
        from layerlab.study.study import Study

        return Path("results") / Study.from_yaml(results).name
    return local_of(results)


def beside(results: Path, folder: Path, name: str) -> Path:
    """Return where what is made of results goes: a folder in or beside them; for a URL, a folder here."""
    from layerlab.analysis.stored.remote import url_of

    if url_of(results) is not None:
        return Path(name)
    return (folder if folder.is_dir() else folder.parent) / name


def labelled(results: Sequence[str]) -> dict[str, Path]:
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


def expand_study(
    study: Path,
    overrides: list[str] | None,
    results: Path | None,
    only: list[str] | None,
    *,
    check: bool | Literal["unless done"] = True,
) -> tuple[StudyPlan, Path]:
    """Read a study file, expand it and say where its results are.

    Corpora are read and checked if ``check``; or unless all is complete, so that nothing is left to do.
    """
    from layerlab.nodes.store.store import Store
    from layerlab.study.directory.status import done_nodes
    from layerlab.study.study import Study

    read = Study.from_yaml(study, overrides or ())
    store = Store(results or Path("results") / read.name)
    expanded = read.plan(
        check=check if isinstance(check, bool) else lambda nodes: len(done_nodes(nodes, store)) < len(nodes)
    )
    if only:
        expanded = expanded.select(**columns_of(only, "--only"))
    return expanded, store.root


def columns_of(chosen: list[str], option: str) -> dict[str, list[str]]:
    """Read ``COLUMN=VALUE`` as often as an option gives it; a column given twice takes either value.

    >>> columns_of(["seed=0", "ablation=none", "seed=1"], "--only")
    {'seed': ['0', '1'], 'ablation': ['none']}
    """
    columns: dict[str, list[str]] = {}
    for text in chosen:
        name, separator, value = text.partition("=")
        if not separator:
            raise typer.BadParameter(f"expected COLUMN=VALUE, got {text!r}", param_hint=option)
        columns.setdefault(name, []).append(value)
    return columns


def listed(text: str) -> tuple[str, ...]:
    """Part a list at its commas."""
    return tuple(item.strip() for item in text.split(",") if item.strip())
