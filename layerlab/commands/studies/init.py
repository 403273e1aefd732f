"""``layerlab init``: a commented study file from a few answers; what it shares with ``layerlab ablate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerlab.commands.arguments import Overrides, listed
from layerlab.commands.completion import layers, models, tasks

if TYPE_CHECKING:
    from layerlab.study.draft import Draft
    from layerlab.study.study import StudyPlan

Task = Annotated[
    str,
    typer.Option(help="Task, such as upos, parsing, ner, xnli.", show_default=False, autocompletion=tasks),
]
Source = Annotated[str, typer.Option(help="Language to fine-tune on.", show_default=False)]
Targets = Annotated[
    str, typer.Option(help="Languages to evaluate on, with commas.", metavar="LIST", show_default=False)
]
Asked = "LAYERS"
_LAYERS = "pairs, each, or a selection such as 0-1; may be repeated."
Reset = Annotated[
    list[str] | None,
    typer.Option(metavar=Asked, help=f"Fresh weights before fine-tuning: {_LAYERS}", autocompletion=layers),
]
Freeze = Annotated[
    list[str] | None,
    typer.Option(metavar=Asked, help=f"Frozen from the start: {_LAYERS}", autocompletion=layers),
]
Rewind = Annotated[
    list[str] | None,
    typer.Option(
        metavar=Asked, help=f"Pretrained weights after fine-tuning: {_LAYERS}", autocompletion=layers
    ),
]
Skip = Annotated[
    list[str] | None,
    typer.Option(metavar=Asked, help=f"Passed by after fine-tuning: {_LAYERS}", autocompletion=layers),
]
Seeds = Annotated[int, typer.Option(help="How many seeds.", min=1)]
Data = Annotated[
    str,
    typer.Option(
        help="Folder with {language}/{train,dev,test} files, or controlled:FAMILY [default: the Hub].",
        metavar="WHERE",
        show_default=False,
    ),
]


def init(
    file: Annotated[Path, typer.Argument(help="The study file to write.", metavar="FILE")] = Path(
        "study.yaml"
    ),
    model: Annotated[
        str,
        typer.Option(
            help="Folder, name or Hub id.", metavar="MODEL", show_default=False, autocompletion=models
        ),
    ] = "",
    task: Task = "",
    source: Source = "",
    targets: Targets = "",
    reset: Reset = None,
    freeze: Freeze = None,
    rewind: Rewind = None,
    skip: Skip = None,
    seeds: Seeds = 6,
    data: Data = "",
    overrides: Overrides = None,
) -> None:
    """Write a commented study file that plans as it is; what is missing is asked for on a terminal.

    \b
    layerlab init study.yaml --model minimbert-controlled --data controlled:instrument \\
      --task upos --source ilda --targets jora,kesa --reset pairs
    """
    given = {"model": model, "task": task, "source": source, "targets": targets}
    asked = gather(reset=reset, freeze=freeze, rewind=rewind, skip=skip)
    if not all(given.values()):
        from layerlab.commands.studies.interview import ask_missing, ask_rest

        given = ask_missing(given)
        data, asked, seeds = ask_rest(data, asked, seeds)
    made = draft(file.stem, asked=asked, seeds=seeds, data=data, changes=overrides, **given)
    print(plan_draft(made, file).describe())
    print(f"{file}; layerlab run {file} carries it out")


def draft(
    name: str,
    *,
    model: str,
    task: str,
    source: str,
    targets: str,
    asked: list[tuple[str, str]],
    seeds: int,
    data: str,
    changes: list[str] | None,
) -> Draft:
    """Make a draft of what a command line says; RANDOM-INIT of layer pairs if nothing is asked for."""
    from layerlab.study.draft import Draft

    family = data.partition(":")[2]
    where: dict[str, Any] = {"root": data} if data else {}
    if data.partition(":")[0] == "controlled":
        where = {"controlled": {"family": family} if family else {}}
    training = {"epochs": 3, "learning_rate": 5e-5, "batch_size": 32}
    return Draft(
        name,
        model,
        task,
        source,
        listed(targets),
        seeds,
        asked or [("reset", "pairs")],
        where,
        training,
        changes or (),
    )


def plan_draft(draft: Draft, file: Path) -> StudyPlan:
    """Plan a draft, and write its study file once that has gone well.

    Raises:
        StudyError: The study is wrong; nothing is written then.
        StoreError: Another study has the file.
    """
    from layerlab.config import parse_yaml
    from layerlab.files import write_text
    from layerlab.study.draft import check_free
    from layerlab.study.reading import build_study
    from layerlab.study.study import Study

    text = draft.to_yaml()
    check_free(text, file)
    plan = build_study(Study, parse_yaml(text, "study file", str(file))[0]).plan()
    write_text(file, text)
    return plan


def gather(**options: list[str] | None) -> list[tuple[str, str]]:
    """Return what a command line asks for, each intervention with its layers."""
    return [(name, layers) for name, values in options.items() for layers in values or ()]
