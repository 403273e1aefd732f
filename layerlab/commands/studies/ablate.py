"""``layerlab ablate``: a study from the command line, written to a file and carried out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from layerlab.commands.arguments import Device, Folder, Overrides, Workers
from layerlab.commands.completion import models
from layerlab.commands.studies.init import (
    Data,
    Freeze,
    Reset,
    Rewind,
    Seeds,
    Skip,
    Source,
    Targets,
    Task,
    draft,
    gather,
    plan_draft,
)
from layerlab.commands.studies.run import carry_out


def ablate(
    model: Annotated[
        str,
        typer.Argument(
            help="Folder, name or Hub id.", metavar="MODEL", show_default=False, autocompletion=models
        ),
    ],
    task: Task,
    source: Source,
    targets: Targets,
    reset: Reset = None,
    freeze: Freeze = None,
    rewind: Rewind = None,
    skip: Skip = None,
    seeds: Seeds = 6,
    data: Data = "",
    name: Annotated[
        str, typer.Option(help="Of the study; it is written to NAME.yaml.", metavar="NAME")
    ] = "ablation",
    overrides: Overrides = None,
    results: Folder = None,
    workers: Workers = None,
    device: Device = "auto",
) -> None:
    """Ablate layers without a study file: one is written, and carried out as ``layerlab run`` does.

    The same command goes on where it was interrupted.

    \b
    layerlab ablate minimbert-controlled --data controlled:instrument --task upos \\
      --source ilda --targets jora,kesa --reset pairs --set training.learning_rate=1e-3
    """
    asked = gather(reset=reset, freeze=freeze, rewind=rewind, skip=skip)
    made = draft(
        name, model=model, task=task, source=source, targets=targets,
        asked=asked, seeds=seeds, data=data, changes=overrides,
    )  # fmt: skip
    plan = plan_draft(made, Path(f"{name}.yaml"))
    carry_out(plan, results or Path("results") / name, report=True, workers=workers, device=device)
