"""The command-line verb ``bench``: layerlab against the Trainer and its own plain path."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from layerlab.commands.arguments import DONE, INTERRUPTED, SOME_FAILED, listed, writable


def bench(
    folder: Annotated[
        Path, typer.Argument(help="Where everything goes.", metavar="FOLDER", callback=writable)
    ] = Path("results/bench"),
    only: Annotated[
        str, typer.Option(help="Workloads, with commas [default: all].", metavar="LIST", show_default=False)
    ] = "",
    repeats: Annotated[int, typer.Option(help="Measurements of each contender.", min=1)] = 2,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder of treebanks, {language}/{split}.conllu [default: controlled languages].",
            metavar="ROOT",
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="Encoder of workload b: a folder or Hub id [default: one with random weights].",
            metavar="MODEL",
        ),
    ] = None,
    scale: Annotated[str, typer.Option(help="small, default or full.")] = "default",
    workers: Annotated[
        int | None, typer.Option(help="Processes of layerlab [default: its own].", min=0)
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of each process.", min=1)] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Write where the time of each study goes, too.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure again what is measured already.")] = False,
) -> None:
    """Measure layerlab against the Hugging Face Trainer and against its own plain path.

    Each contender runs as a whole process, in turn with the others; what is measured is kept, and the same
    command goes on where it was stopped.

    \b
    layerlab bench
    layerlab bench results/bench --only a,b --data ud --repeats 3
    """
    from layerlab.bench.bench import run_bench
    from layerlab.bench.settings import read_settings

    settings = read_settings(folder, scale, data, encoder, repeats, workers, threads)
    try:
        files, complete = run_bench(settings, listed(only), say=_say, again=fresh, profiled=profile)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    print((folder / "benchmark.md").read_text(encoding="utf-8"))
    for path in files:
        print(path)
    raise typer.Exit(DONE if complete else SOME_FAILED)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
