"""The verbs of ``layerlab languages``: list and write controlled languages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from layerlab.commands.arguments import writable

app = typer.Typer(
    name="languages",
    help="Controlled languages: invented, parallel, with gold annotation and known typology.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

FamilyFile = Annotated[
    str | None,
    typer.Option("--family", metavar="FILE", help="A family in YAML, or the name of one of layerlab's own."),
]


@app.command(name="list")
def list_languages(family: FamilyFile = None) -> None:
    """Show the languages of a family and how they differ, and the domains.

    \b
    layerlab languages list
    layerlab languages list --family mine.yaml
    """
    from layerlab.languages.family import find_family
    from layerlab.languages.typology import typology_table
    from layerlab.languages.world.registers import DOMAINS

    print(typology_table(find_family(family)))
    print("\nDomains, for --domains:")
    for domain in DOMAINS.values():
        print(f"  {domain.name:<8}{domain.about}")


@app.command()
def write(
    folder: Annotated[
        Path, typer.Argument(help="Folder to make.", metavar="DIR", show_default=False, callback=writable)
    ],
    languages: Annotated[str, typer.Option(help="Names with commas between [default: all].")] = "",
    sentences: Annotated[int, typer.Option(help="Tagged sentences for training, a language.", min=1)] = 3000,
    dev: Annotated[int, typer.Option(help="Tagged sentences for development.", min=1)] = 500,
    test: Annotated[int, typer.Option(help="Tagged sentences for testing.", min=1)] = 1000,
    text_sentences: Annotated[
        int, typer.Option(help="Sentences of plain text for pretraining, a language.", min=0)
    ] = 0,
    nli: Annotated[int, typer.Option(help="Inference pairs for training; 0: none at all.", min=0)] = 3000,
    domains: Annotated[
        str, typer.Option(help="Also each language in these domains, as LANGUAGE-DOMAIN; commas between.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Of all meanings.")] = 0,
    family: FamilyFile = None,
) -> None:
    """Write controlled languages: CoNLL-U, IOB2, text, and TSV of parallel sentences, pairs and dictionaries.

    The folder appears when it is complete. A study reads it with `data: {root: DIR}`.

    \b
    layerlab languages write controlled
    layerlab languages write near --languages avin,belo,ciro --sentences 5000 --text-sentences 100000
    layerlab languages write domains --languages avin --domains news,talk
    """
    from layerlab.languages.corpora.release import Request, write_languages
    from layerlab.languages.family import find_family
    from layerlab.languages.world.registers import find_domain

    request = Request(
        languages=_names(languages),
        sizes={"train": sentences, "dev": dev, "test": test},
        nli={"train": nli, "dev": dev, "test": test} if nli else {},
        text_sentences=text_sentences,
        seed=seed,
        domains=tuple(find_domain(name) for name in _names(domains)),
        family=find_family(family),
    )
    written, new = write_languages(folder, request, progress=_tell)
    print(f"{written}{'' if new else ' is complete already'}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
