"""The command-line verb ``demo``: First Align, then Predict on an encoder that comes with layerlab."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from layerlab.commands.arguments import Workers, writable


def demo(
    folder: Annotated[
        Path, typer.Argument(help="Where everything goes.", metavar="DIR", callback=writable)
    ] = Path("demo"),
    workers: Workers = None,
    quick: Annotated[bool, typer.Option("--quick", help="Very small: shows that all parts work.")] = False,
) -> None:
    """Run First Align, then Predict on an encoder that comes with layerlab: align, ablate, report.

    \b
    layerlab demo demo
    """
    from layerlab.demo.demo import run_demo

    run_demo(folder, workers=workers, quick=quick)
