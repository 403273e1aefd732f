"""``layerlab explain``: what a key of a study file means."""

from __future__ import annotations

import textwrap
from typing import Annotated

import typer

from layerlab.commands.completion import keys


def explain(
    key: Annotated[
        str,
        typer.Argument(
            help="A key, such as training.epochs or epochs, an intervention, an engine [default: all].",
            metavar="[KEY]",
            show_default=False,
            autocompletion=keys,
        ),
    ] = "",
) -> None:
    """Explain a key of a study or an engine: what it means, what may be written, what holds without it.

    \b
    layerlab explain training.select
    layerlab explain freeze
    layerlab explain
    """
    from layerlab.study.keys import find_keys, study_keys

    known = study_keys()
    if not key:
        width = max(map(len, known))
        for one in known.values():
            print(f"{one.path:{width}}  {one.first_sentence}")
        return
    for position, one in enumerate(find_keys(key)):
        print("\n" * bool(position) + one.path)
        print(textwrap.indent(textwrap.fill(one.text, 96), "  "))
        print(f"  write    {one.kind}\n  default  {one.default}")
        if below := [path.removeprefix(f"{one.path}.") for path in known if path.startswith(f"{one.path}.")]:
            print(
                textwrap.fill(
                    f"below it {', '.join(below)}", 96, initial_indent="  ", subsequent_indent=" " * 11
                )
            )
