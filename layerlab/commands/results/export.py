"""``layerlab export``: fits as plain Hugging Face models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from layerlab.commands.arguments import Results, results_folder
from layerlab.commands.completion import devices
from layerlab.errors import StoreError
from layerlab.names import visible

Fits = Annotated[
    list[str] | None,
    typer.Argument(
        help="Ids of fits, or their beginnings; or of runs, for what was done after fine-tuning. Without "
        "one, the fits are listed.",
        metavar="[FIT...]",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="The model's folder, or of several fits that of their folders [default: exports/ID].",
    ),
]
Again = Annotated[
    bool, typer.Option("--again", help="Train a fit again, beside the results, if its weights are gone.")
]
Push = Annotated[
    str | None,
    typer.Option(metavar="USER/NAME", help="Upload it to the Hub too, as this repository; of one fit."),
]
Device = Annotated[
    str, typer.Option(help="Where a fit is trained again: auto or cpu.", autocompletion=devices)
]


def export(
    results: Results,
    fits: Fits = None,
    output: Output = None,
    again: Again = False,
    push: Push = None,
    device: Device = "auto",
) -> None:
    """Write fits as Hugging Face models that pipeline(...) runs, each with a model card.

    \b
    layerlab export results/random-init-upos
    layerlab export results/random-init-upos 3f1c --output tagger --again
    layerlab export results/random-init-upos 3f1c --push user/tagger
    """
    from layerlab.exporting.chosen import choose, list_fits, open_store

    store = open_store(results_folder(results))
    if not fits:
        for one in list_fits(store):
            kept = "weights kept" if one.has_weights() else "not kept"
            print(visible(f"{one.id}  {kept:12}  {one.fit.title}"))
        return
    chosen = [choose(store, name) for name in fits]  # all of them, before time is spent
    if push is not None:
        from layerlab.exporting.push import check_name

        check_name(push)
        if len(chosen) > 1:
            raise StoreError(f"--push takes one fit, got {len(chosen)}")
    from layerlab.exporting.export import check_free
    from layerlab.exporting.export import export as write

    alone = output is not None and len(chosen) == 1
    folders = [output if alone and output else (output or Path("exports")) / one.id for one in chosen]
    for folder in folders:
        check_free(folder)
    for one, folder in zip(chosen, folders, strict=True):
        print(write(store.root, one.id, folder, again=again, device=device))
        if push is not None:
            from layerlab.exporting.push import push as upload

            print(upload(folder, push))
