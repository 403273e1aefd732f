"""``layerlab check``: a look at a checkpoint before a study."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from layerlab.commands.arguments import DONE, SOME_FAILED, listed
from layerlab.commands.completion import models
from layerlab.names import visible

if TYPE_CHECKING:
    from layerlab.data.bitext import Bitext


def check(
    model: Annotated[
        str,
        typer.Argument(
            help="Folder, name or Hub id.", metavar="MODEL", show_default=False, autocompletion=models
        ),
    ],
    languages: Annotated[
        str, typer.Option(help="Languages, with commas [default: all].", metavar="LIST", show_default=False)
    ] = "",
    parallel: Annotated[
        str,
        typer.Option(
            help="Parallel sentences: pud, tatoeba, a folder of either kind, a .tsv, or `controlled`.",
            metavar="WHERE",
        ),
    ] = "pud",
    family: Annotated[
        str | None, typer.Option(help="Family of controlled languages.", metavar="NAME")
    ] = None,
    pair_with: Annotated[str, typer.Option(help="The language that each is paired with.")] = "en",
    sentences: Annotated[int, typer.Option(help="Sentences of each language.", min=8)] = 100,
    text: Annotated[bool, typer.Option(help="Look at text too; without, at files and weights alone.")] = True,
) -> None:
    """Look at a checkpoint before a study: files, special tokens, weights, and what it does with text.

    Masked words are guessed where there is a head, and translations looked for against an untrained twin. The
    exit status is 1 if the checkpoint is broken.

    \b
    layerlab check bert-base-multilingual-cased --languages de,fr,ru
    layerlab check minimbert-controlled --parallel controlled --family instrument --pair-with ilda
    layerlab check my/encoder --no-text
    """
    from layerlab.inspection.inspect import inspect_checkpoint
    from layerlab.nodes.process import quieten_transformers

    quieten_transformers()
    bitexts = _bitexts(parallel, family, listed(languages), pair_with, sentences) if text else ()
    found = inspect_checkpoint(model, bitexts, progress=lambda line: print(visible(line), file=sys.stderr))
    print(visible(str(found), keep="\n"))
    raise typer.Exit(SOME_FAILED if found.verdict == "broken" else DONE)


def _bitexts(
    parallel: str, family: str | None, languages: tuple[str, ...], pair_with: str, sentences: int
) -> tuple[Bitext, ...]:
    from layerlab.data.formats.bitext_files import read_bitexts

    if parallel != "controlled":
        return read_bitexts(parallel, languages, pair_with, sentences=sentences)
    from layerlab.data.bitext import pairs_with
    from layerlab.languages.corpora.on_demand import speak
    from layerlab.languages.family import find_family, known_languages

    there = known_languages(find_family(family))
    pair_with = pair_with if pair_with in there else there[0]
    spoken = {
        name: speak(name, "test", sentences, 0, ("test",), family)
        for name in dict.fromkeys((pair_with, *(languages or there)))
    }
    return pairs_with(spoken, languages, pair_with)
