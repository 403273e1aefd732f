"""``layerlab cancel``: end what runs for a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from layerlab.commands.arguments import DONE, SOME_FAILED, Folder, results_folder
from layerlab.names import visible


def cancel(
    study: Annotated[
        Path, typer.Argument(help="Study file or results directory.", metavar="STUDY", show_default=False)
    ],
    results: Folder = None,
) -> None:
    """End what runs for a study, on every engine and host; what is complete stays, the rest can go on.

    Runners leave checkpoints, as after Ctrl-C.

    \b
    layerlab cancel experiments/random_init_upos.yaml
    """
    from layerlab.errors import StoreError
    from layerlab.nodes.store.store import Store
    from layerlab.study.cancelling import cancel as end_all
    from layerlab.study.directory.status import Count, Status

    store = Store(results or results_folder(study))
    manifest = store.read_manifest()
    if manifest is None:
        raise StoreError(
            f"{store.root} holds no study; expected a results directory, or the study file of one"
        )
    ending = end_all(store)
    for line in ending.stopped:
        print(visible(f"stopped    {line}"))
    for line in ending.resumable:
        print(visible(f"resumable  {line}"))
    for line in ending.left:
        print(visible(f"left       {line}"))
    if not (ending.stopped or ending.left):
        print("nothing runs")
    counts = {
        kind: Count(len(store.done(kind) & set(ids)), len(ids)) for kind, ids in manifest["nodes"].items()
    }
    print(f"{Status(counts).summary()} in {store.root}; `layerlab run` goes on with the rest")
    raise typer.Exit(SOME_FAILED if ending.left else DONE)
