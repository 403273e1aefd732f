"""``layerlab work``: a worker on any host, for a study that was begun elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from layerlab.commands.arguments import (
    DONE,
    INTERRUPTED,
    SOME_FAILED,
    CheckpointSeconds,
    Device,
    Processes,
    Retries,
    Shortcuts,
    Workers,
)


def work(
    results: Annotated[
        Path, typer.Argument(help="Results directory.", metavar="RESULTS", show_default=False)
    ],
    workers: Workers = None,
    device: Device = "auto",
    checkpoint_seconds: CheckpointSeconds = 60.0,
    retries: Retries = 0,
    processes: Processes = 1,
    shortcuts: Shortcuts = "all",
    grace: Annotated[
        float, typer.Option(min=0, help="Seconds that work which is stopped may take to leave a checkpoint.")
    ] = 10.0,
    idle: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for others where nothing is to be done.")
    ] = 300.0,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
    name: Annotated[str, typer.Option(help="What status calls this worker.")] = "layerlab work",
) -> None:
    """Take what is to be done in a results directory until nothing is left; for jobs of any queue.

    The plan is the one that `layerlab run` wrote there, on this host or another. Ctrl-C, and SIGINT of a
    queue, leave checkpoints. What failed is left to `layerlab run`.

    \b
    layerlab work results/random_init_upos --workers 4
    """
    from layerlab.nodes.process import die_with_parent
    from layerlab.nodes.settings import WorkSettings
    from layerlab.nodes.store.runners import Cancelled
    from layerlab.study.serving import serve
    from layerlab.training.shortcuts.shortcut import read_shortcuts

    if parent is not None:
        die_with_parent(parent)
    settings = WorkSettings(
        checkpoint_seconds,
        device,
        shortcuts=read_shortcuts(shortcuts),
        processes=processes,
        grace_seconds=grace,
    )
    try:
        left = serve(results, settings, workers=workers, retries=retries, idle=idle, name=name)
    except KeyboardInterrupt as end:
        how = "cancelled by another process" if isinstance(end, Cancelled) else "interrupted"
        print(f"{how}; what was in work goes on from its checkpoint", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    others = f"; {left.n_left} nodes are left, {left.n_failed} of them failed" if left.n_left else ""
    print(f"nothing more is to be done here{others}", file=sys.stderr)
    raise typer.Exit(SOME_FAILED if left.n_failed else DONE)
