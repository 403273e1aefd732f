"""The command-line verb ``align``: how far two encoders that were trained independently can be aligned."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layerlab.commands.arguments import Device, Png, figure_formats, listed
from layerlab.commands.encoders.measure import labelled_model
from layerlab.commands.encoders.probe import (
    DataRoot,
    FamilyName,
    Output,
    Seeds,
    TestLimit,
    TrainLimit,
    data_of,
    integers,
)
from layerlab.errors import StudyError
from layerlab.names import visible

if TYPE_CHECKING:
    import pandas as pd

    from layerlab.measures.alignment.options import Aligning
    from layerlab.nodes.kinds.alignment.align import Sought
    from layerlab.nodes.kinds.alignment.ground import Ground

SourceModel = Annotated[
    str,
    typer.Argument(
        help="Encoder of the source language: folder, bundled name or Hub id; LABEL=MODEL names it.",
        metavar="A",
        show_default=False,
    ),
]
TargetModel = Annotated[
    str, typer.Argument(help="Encoder of the target language, likewise.", metavar="B", show_default=False)
]
Source = Annotated[str, typer.Option(help="The source language.", show_default=False)]
Target = Annotated[str, typer.Option(help="The target language.", show_default=False)]
Joint = Annotated[
    str | None, typer.Option(help="A model of both languages, as the upper bound.", metavar="MODEL")
]
Parallel = Annotated[
    str | None,
    typer.Option(
        help="Parallel sentences, as for `measure` [default: controlled ones with --family, else pud].",
        metavar="WHERE",
    ),
]
DictionaryFile = Annotated[
    Path | None,
    typer.Option(help="Dictionary in the format of MUSE, a pair of words a line.", metavar="FILE"),
]
LinksFile = Annotated[
    Path | None,
    typer.Option(
        help="Word alignments in the format of Pharaoh, a line a sentence pair [default: a small aligner's].",
        metavar="FILE",
    ),
]
Units = Annotated[
    str, typer.Option(help="What is compared, with commas: word, context, sentence, cka [default: all].")
]
Maps = Annotated[str, typer.Option(help="Maps, with commas.", metavar="LIST")]
Layers = Annotated[
    str,
    typer.Option(
        help="Layers passed in A: 0 is the embeddings, 1 the first layer [default: all].", metavar="LIST"
    ),
]
Sentences = Annotated[int, typer.Option(help="Sentence pairs at most, evenly spread.", min=16)]
Share = Annotated[float, typer.Option(help="Of words and sentences, for the part that maps are tested on.")]
Tasks = Annotated[
    str, typer.Option(help="Tasks whose network is carried from A to B, with commas.", metavar="LIST")
]
NetworkLayers = Annotated[
    int, typer.Option(help="Transformer layers of the task network below its head; the paper has 4.", min=0)
]
TextName = Annotated[str, typer.Option(help="What of treebanks is read as a sentence: raw or words.")]


def align(
    a: SourceModel,
    b: TargetModel,
    source: Source,
    target: Target,
    joint: Joint = None,
    parallel: Parallel = None,
    family: FamilyName = None,
    dictionary: DictionaryFile = None,
    links: LinksFile = None,
    units: Units = "",
    maps: Maps = "procrustes,least_squares",
    layers: Layers = "",
    sentences: Sentences = 2_000,
    test_share: Share = 0.3,
    seeds: Seeds = "0,1,2",
    tasks: Tasks = "",
    data_root: DataRoot = None,
    train_limit: TrainLimit = None,
    test_limit: TestLimit = None,
    network_layers: NetworkLayers = 0,
    text: TextName = "raw",
    device: Device = "auto",
    output: Output = None,
    png: Png = False,
) -> None:
    """Align two encoders that were trained independently, layer by layer, by linear maps of their states.

    Maps are fitted on one part of words and sentences and tested on another. Bounds: a random rotation, an
    untrained encoder in the place of B and, with --joint, a model of both languages.

    \b
    layerlab align mono-ilda mono-jora --source ilda --target jora --family instrument --tasks upos -o aligned
    layerlab align bert-base-cased bert-base-german-cased --source en --target de --joint mbert --parallel pud
    """
    from layerlab.nodes.kinds.alignment.align import Sought
    from layerlab.nodes.kinds.alignment.ground import find_ground

    how = _options_of(units, maps, layers, sentences, test_share, network_layers)
    data = data_of(data_root, family, train_limit, test_limit)
    ground = find_ground(
        source, target, data, how.sentences, parallel=parallel, dictionary=dictionary, links=links, text=text,  # type: ignore[arg-type]
    )  # fmt: skip
    pair = labelled_model(a), labelled_model(b)
    upper = None if joint is None else labelled_model(joint)
    frame = _aligned(Sought(*pair, upper, listed(tasks), data), ground, how, seeds, device)
    _show(frame)
    if output is not None:
        _write(frame, output, png=png)


def _options_of(
    units: str, maps: str, layers: str, sentences: int, test_share: float, network_layers: int
) -> Aligning:
    """Return what is measured and how maps are fitted, as the options say."""
    from layerlab.measures.alignment.options import Aligning
    from layerlab.validation import validate

    given: dict[str, object] = {"maps": listed(maps), "sentences": sentences, "test_share": test_share}
    given |= {"units": listed(units)} if units else {}
    given |= {"layers": integers(layers, "--layers") or None, "network_layers": network_layers}
    how, problems = validate(Aligning, given)
    if how is None:
        raise StudyError(problems, "the alignment")
    return how


def _aligned(sought: Sought, ground: Ground, how: Aligning, seeds: str, device: str) -> pd.DataFrame:
    """Align the encoders, and tell of it on standard error."""
    from layerlab.nodes.kinds.alignment.align import align_models
    from layerlab.nodes.process import quieten_transformers

    def tell(text: str) -> None:
        print(visible(text), file=sys.stderr)

    quieten_transformers()
    return align_models(
        sought,
        ground,
        how=how,
        seeds=integers(seeds, "--seeds"),
        device=device,
        tell=tell,
        note=lambda text: tell(f"note: {text}"),
    )


def _show(frame: pd.DataFrame) -> None:
    from layerlab.report.tables.aligned import aligned_table, cka_table
    from layerlab.report.tables.formats.markdown import to_markdown

    for table in (aligned_table(frame), cka_table(frame)):
        if table.sections:
            print(visible(to_markdown(table), keep="\n"))


def _write(frame: pd.DataFrame, folder: Path, *, png: bool) -> None:
    from layerlab.analysis.records.tidy import write_records
    from layerlab.report.figures.gallery import draw_all

    table = write_records(frame, folder / "records.csv")
    for written in (table, *draw_all(frame, folder, figures=["aligned"], formats=figure_formats(png))):
        print(written)
