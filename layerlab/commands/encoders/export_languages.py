"""``layerlab export-languages``: a checkpoint by language as plain Hugging Face folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export_languages(
    checkpoint: Annotated[
        str,
        typer.Argument(help="Folder of a checkpoint by language.", metavar="CHECKPOINT", show_default=False),
    ],
    folder: Annotated[
        Path,
        typer.Argument(
            help="Gets a folder for each language, named by it.", metavar="FOLDER", show_default=False
        ),
    ],
) -> None:
    """Write a checkpoint by language as one plain Hugging Face folder for each language.

    \b
    layerlab export-languages encoders/separate exported
    """
    from layerlab.models.export import export_languages as write
    from layerlab.nodes.process import quieten_transformers

    quieten_transformers()
    for made in write(checkpoint, folder):
        print(made)
