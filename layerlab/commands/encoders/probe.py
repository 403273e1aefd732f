"""The command-line verb ``probe``: where in frozen encoders a task can be read, layer by layer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layerlab.commands.arguments import Device, Png, figure_formats, listed, writable
from layerlab.commands.completion import tasks, words
from layerlab.commands.encoders.measure import labelled_model
from layerlab.errors import RecordsError
from layerlab.names import visible

if TYPE_CHECKING:
    import pandas as pd

    from layerlab.data.spec import DataSpec
    from layerlab.tasks.words import Word

_INTEGERS = "whole numbers or ranges of them, with commas, such as 0,4-8"


def _positive(number: float) -> float:
    if not 0 < number < float("inf"):
        raise typer.BadParameter(f"expected a positive number, got {number}")
    return number


def _no_study(folder: Path | None) -> Path | None:
    if folder is not None and (folder / "manifest.json").exists():
        raise RecordsError(f"{folder} holds a study; give the probes a directory of their own")
    return writable(folder)


Models = Annotated[
    list[str],
    typer.Argument(
        help="Folder, bundled name, Hub id or fit of a model; LABEL=MODEL names it. Several are compared.",
        metavar="MODEL...",
        show_default=False,
    ),
]
Source = Annotated[str, typer.Option(help="The language that probes are trained on.", show_default=False)]
Task = Annotated[str, typer.Option(help="Task.", autocompletion=tasks)]
Targets = Annotated[
    str, typer.Option(help="Target languages, with commas.", metavar="LIST", show_default=False)
]
DataRoot = Annotated[
    Path | None,
    typer.Option(help="Folder with a folder a language [default: the built-in catalogue].", metavar="DIR"),
]
FamilyName = Annotated[
    str | None,
    typer.Option(help="Controlled languages instead: the name or file of a family.", metavar="NAME"),
]
Seeds = Annotated[str, typer.Option(help="Seeds.", metavar="LIST")]
LayersPassed = Annotated[
    str,
    typer.Option(
        help="Layers passed: 0 is the embeddings, 1 the first layer [default: all].", metavar="LIST"
    ),
]
TrainLimit = Annotated[int | None, typer.Option(help="At most so many training sentences.", min=1)]
TestLimit = Annotated[int | None, typer.Option(help="At most so many test sentences.", min=1)]
Epochs = Annotated[int, typer.Option(help="Passes over the training sentences.", min=1)]
LearningRate = Annotated[float, typer.Option(help="Peak learning rate.", callback=_positive)]
BatchSize = Annotated[int, typer.Option(help="Sentences in a step.", min=1)]
Standardise = Annotated[bool, typer.Option(help="Bring the states of all layers to one scale.")]
KeepGib = Annotated[
    float, typer.Option(help="Keep the training states if they fit into so many GiB; 0 never.", min=0)
]
WordOption = Annotated[
    str,
    typer.Option(
        "--word", help="What stands for a word: first-content, first, last or mean.", autocompletion=words
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Directory for records.csv and the figures.", metavar="DIR", callback=_no_study
    ),
]


def probe(
    models: Models,
    source: Source,
    task: Task = "upos",
    targets: Targets = "",
    data_root: DataRoot = None,
    family: FamilyName = None,
    seeds: Seeds = "0,1,2",
    layers: LayersPassed = "",
    train_limit: TrainLimit = None,
    test_limit: TestLimit = None,
    epochs: Epochs = 5,
    learning_rate: LearningRate = 1e-2,
    batch_size: BatchSize = 32,
    standardise: Standardise = True,
    keep_gib: KeepGib = 2.0,
    word: WordOption = "first-content",
    device: Device = "auto",
    output: Output = None,
    png: Png = False,
) -> None:
    """Probe frozen encoders: train the task's head on the states of every layer, score it on every language.

    The heads of all layers are trained at once and zero-shot: on the source language alone. Records of an
    earlier call in the same directory are kept, so several tasks or models make one file.

    \b
    layerlab probe minimbert-controlled --family instrument --source ilda --targets jora,kesa,mavu
    layerlab probe mbert after=results/upos/fits/0123abcd --source en --targets de,fr --data-root ud -o probes
    """
    from layerlab.measures.options import ProbeTraining
    from layerlab.nodes.kinds.probes import labels_of_models, probe_models
    from layerlab.nodes.process import quieten_transformers

    quieten_transformers()
    frame = probe_models(
        labels_of_models([labelled_model(model) for model in models]),
        task,
        source,
        listed(targets),
        data=data_of(data_root, family, train_limit, test_limit),
        seeds=integers(seeds, "--seeds"),
        layers=integers(layers, "--layers") or None,
        training=ProbeTraining(
            epochs=epochs,
            learning_rate=learning_rate,
            batch_size=batch_size,
            standardise=standardise,
            keep_gib=keep_gib,
        ),
        word=_word(word),
        device=device,
        progress=lambda text: print(visible(text), file=sys.stderr),
    )
    print(visible(probe_table(frame), keep="\n"))
    if output is not None:
        _write(frame, output, png=png)


def _word(text: str) -> Word:
    from layerlab.errors import LabelError, unknown
    from layerlab.tasks.words import WORDS

    for known in WORDS:
        if text == known:
            return known
    raise LabelError(unknown("choice of --word", text, WORDS))


def probe_table(frame: pd.DataFrame) -> str:
    """Return a table of the main metric (percent, mean over seeds) by model and language."""
    from layerlab.report.figures.layers.probes import probe_rows

    blocks = []
    rows = probe_rows(frame)
    for (model, task, source, metric), part in rows.groupby(
        ["model", "task", "source", "metric"], sort=False
    ):
        mean = 100 * part.pivot_table(index="target", columns="layer", values="value", sort=False)
        mean = mean[sorted(mean.columns)].rename_axis(index=None)
        targets = mean.drop(index=str(source))
        if len(targets) > 1:
            mean.loc["mean of targets"] = targets.mean()
        seeds = part["seed"].nunique()
        many = "1 seed" if seeds == 1 else f"mean of {seeds} seeds"
        blocks.append(
            f"{model}: probes of {task} from {source}, {metric} in percent, {many}, "
            f"after 0 (embeddings) to {part['layer'].max()} layers\n"
            f"{mean.to_string(float_format='{:.1f}'.format)}"
        )
    return "\n\n".join(blocks)


def _write(frame: pd.DataFrame, folder: Path, *, png: bool) -> None:
    """Add records to those of a folder, the new ones in the place of equal ones, and draw all."""
    import pandas as pd

    from layerlab.analysis.records.columns import KEY
    from layerlab.analysis.records.tidy import load_records, write_records
    from layerlab.report.figures.gallery import draw_all

    path = folder / "records.csv"
    if path.is_file():
        both = pd.concat([load_records(path), frame])
        frame = both.drop_duplicates(list(KEY), keep="last", ignore_index=True)
    write_records(frame, path)
    for written in (path, *draw_all(frame, folder, figures=["probes"], formats=figure_formats(png))):
        print(written)


def data_of(
    root: Path | None, family: str | None, train_limit: int | None, test_limit: int | None
) -> DataSpec:
    """Return where the corpora are."""
    from layerlab.data.spec import Controlled, DataSpec

    if root is not None and family is not None:
        raise typer.BadParameter("give --data-root or --family, not both", param_hint="--family")
    limits = {"train": train_limit, "test": test_limit}
    given: dict[str, object] = {"limit": {split: n for split, n in limits.items() if n is not None}}
    if root is not None:
        given["root"] = root
    if family is not None:
        given["controlled"] = Controlled(family=family)
    return DataSpec.model_validate(given)


def integers(text: str, option: str) -> tuple[int, ...]:
    """Read whole numbers and ranges of them.

    >>> integers("0,4-6", "--layers")
    (0, 4, 5, 6)
    """
    found: list[int] = []
    for item in listed(text):
        first, separator, last = item.partition("-")
        if not first.isdecimal() or (separator and not last.isdecimal()):
            raise typer.BadParameter(f"expected {_INTEGERS}, got {item!r}", param_hint=option)
        found += range(int(first), int(last or first) + 1)
    return tuple(dict.fromkeys(found))
