"""The command-line verb ``measure``: alignment of languages in encoders, layer by layer."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layerlab.commands.arguments import Png, figure_formats, listed, writable
from layerlab.errors import CheckpointError
from layerlab.names import DIRECTIONS, visible

if TYPE_CHECKING:
    import pandas as pd

Models = Annotated[
    list[str],
    typer.Argument(
        help="Folder, Hub id or fit of a model; LABEL=MODEL names it. Several are compared.",
        metavar="MODEL...",
        show_default=False,
    ),
]
Parallel = Annotated[
    str,
    typer.Option(
        help="Parallel sentences: pud or tatoeba (below LAYERLAB_DATA), a folder of either kind, or a "
        ".tsv with a column a language.",
        metavar="WHERE",
    ),
]
Languages = Annotated[
    str, typer.Option(help="Languages, with commas [default: all].", metavar="LIST", show_default=False)
]
PairWith = Annotated[str, typer.Option(help="The language that each is paired with.")]
Sentences = Annotated[int | None, typer.Option(help="Sentence pairs, evenly spread [default: all].", min=8)]
MeasureNames = Annotated[str, typer.Option(help="Measures, with commas.", metavar="LIST")]
PoolingName = Annotated[
    str | None,
    typer.Option(
        help="mean, first or muller [default: as each measure defines it, mean for most].", show_default=False
    ),
]
TextName = Annotated[str, typer.Option(help="What of treebanks is read: raw (their lines # text) or words.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Directory for alignment.csv and the figures.",
        metavar="DIR",
        callback=writable,
    ),
]


def measure(
    models: Models,
    parallel: Parallel = "pud",
    languages: Languages = "",
    pair_with: PairWith = "en",
    sentences: Sentences = None,
    measures: MeasureNames = "cka,retrieval,retrieval_csls",
    pooling: PoolingName = None,
    text: TextName = "raw",
    output: Output = None,
    png: Png = False,
) -> None:
    """Measure how well an encoder aligns languages, layer by layer: CKA and sentence retrieval.

    \b
    layerlab measure bert-base-multilingual-cased --languages de,fr,ru
    layerlab measure before=mbert after=results/upos/fits/0123abcd --parallel tatoeba -o alignment
    """
    import pandas as pd

    from layerlab.data.formats.bitext_files import read_bitexts
    from layerlab.measures.bitext_alignment import measure_alignment
    from layerlab.nodes.process import quieten_transformers

    quieten_transformers()
    chosen = [labelled_model(model) for model in models]
    bitexts = read_bitexts(
        parallel,
        listed(languages),
        pair_with,
        sentences=sentences,
        text=text,  # type: ignore[arg-type]  # checked there
    )
    parts = [
        measure_alignment(
            encoder,
            bitexts,
            label=label,
            measures=listed(measures),
            pooling=pooling,  # type: ignore[arg-type]  # checked there
            progress=partial(_report, label),
        )
        for label, encoder in chosen
    ]
    frame = pd.concat(parts, ignore_index=True)
    print(visible(alignment_table(frame), keep="\n"))
    if output is not None:
        from layerlab.analysis.records.tidy import write_records
        from layerlab.report.figures.gallery import draw_all

        table = write_records(frame, output / "alignment.csv")
        formats = figure_formats(png)
        for path in (table, *draw_all(frame, output, figures=["alignment"], formats=formats)):
            print(path)


def _report(label: str, text: str) -> None:
    print(visible(f"{label}: {text}"), file=sys.stderr)


def alignment_table(frame: pd.DataFrame) -> str:
    """Return a table of values (percent) by model, measure and pair, with a column a layer."""
    from layerlab.report.style.captions import spread

    both = frame[~frame["metric"].str.endswith(DIRECTIONS)]
    blocks = []
    for (model, measured), part in both.groupby(["model", "metric"], sort=False):
        table = 100 * part.pivot_table(
            index=["source", "target"], columns="layer", values="value", sort=False
        )
        table.index = [f"{source}-{target}" for source, target in table.index]
        if len(table) > 1:
            table.loc["mean"] = table.mean()
        blocks.append(
            f"{model}: {measured} in percent, {spread(part['n'])} sentence pairs, after 0 (embeddings) to "
            f"{part['layer'].max()} layers\n{table.to_string(float_format='{:.1f}'.format)}"
        )
    return "\n\n".join(blocks)


def labelled_model(model: str) -> tuple[str, str]:
    """Part ``LABEL=MODEL``, and find the encoder that a fit's folder keeps.

    Raises:
        CheckpointError: The fit's weights are not kept.
    """
    label, separator, name = model.partition("=")
    if not separator or Path(model).exists():
        label, name = Path(model).name or model, model
    fit = Path(name)
    if (fit / "model" / "config.json").is_file():
        name = str(fit / "model")
    elif (fit / "head.safetensors").is_file():
        raise CheckpointError(
            f"{fit} is a fit whose weights were removed, at the end of its study or by `layerlab prune`; "
            "`layerlab run --keep all` keeps those of fits to come"
        )
    return label, name
