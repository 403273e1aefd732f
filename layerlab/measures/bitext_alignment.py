"""How well an encoder aligns languages, at every level, by CKA and retrieval, as tidy records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from layerlab.data.bitext import Bitext
from layerlab.errors import DataError, unknown
from layerlab.measures.anc import anc
from layerlab.measures.cka import cka
from layerlab.measures.cosine import mean_cosine
from layerlab.measures.options import STEPS, Pooling, pooling_of
from layerlab.measures.retrieval import Similarity, retrieve
from layerlab.measures.states import States, open_encoder, sentence_states
from layerlab.models.encoder import Encoder, as_encoder

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from layerlab.models.tokenizers import Tokenizers

Values = Mapping[str, float]
DEFAULT_MEASURES = ("cka", "retrieval", "retrieval_csls")


class Row(NamedTuple):
    """One measured value, a fraction, of ``n`` sentence pairs.

    Layer 0 is the output of the embeddings, ``i + 1`` that of layer ``i``.
    """

    source: str
    target: str
    layer: int
    measure: str
    value: float
    n: int


def _retrieval(similarity: Similarity, centre: bool) -> Callable[[States, States, str], Values]:
    def measure(x: States, y: States, name: str) -> Values:
        found = retrieve(x, y, similarity, centre=centre)
        return {name: found.mean, f"{name}_forward": found.forward, f"{name}_backward": found.backward}

    return measure


#: Name to what it computes from the states of both sides at one level; retrieval also gives its directions.
MEASURES: Mapping[str, Callable[[States, States, str], Values]] = {
    "cka": lambda x, y, name: {name: cka(x, y)},
    "cka_biased": lambda x, y, name: {name: cka(x, y, "biased")},
    "cka_rbf": lambda x, y, name: {name: cka(x, y, kernel="rbf")},
    "cka_muller": lambda x, y, name: {name: cka(x, y, "muller")},
    "cosine": lambda x, y, name: {name: mean_cosine(x, y)},
    "cosine_centred": lambda x, y, name: {name: mean_cosine(x, y, centre=True)},
    "anc": lambda x, y, name: {name: anc(x, y)},
    "retrieval": _retrieval("cosine", centre=False),
    "retrieval_centred": _retrieval("cosine", centre=True),
    "retrieval_csls": _retrieval("csls", centre=False),
    "retrieval_csls_centred": _retrieval("csls", centre=True),
}


def measure_alignment(
    encoder: Encoder | PreTrainedModel | str | Path,
    bitexts: Sequence[Bitext],
    *,
    label: str | None = None,
    layers: Sequence[int] | None = None,
    measures: Sequence[str] = DEFAULT_MEASURES,
    pooling: Pooling | None = None,
    tokenizer: PreTrainedTokenizerBase | Tokenizers | None = None,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Measure an encoder's alignment of languages at every level.

    The states of each set of sentences are extracted once and shared by all measures and pairs.

    Args:
        encoder: An encoder, a model, or a folder or Hub id of one.
        bitexts: What `layerlab.data.formats.bitext_files.read_bitexts` gives.
        label: What the model is called in the frame; its name by default.
        layers: Levels to measure, 0 being the embeddings and ``i + 1`` layer ``i``; all by default.
        measures: Names in `MEASURES`, or ``step_cka``, of which the language is source and target. ``cka`` is
            linear and debiased. Retrieval is the mean accuracy of both directions; rows ``..._forward``
            (source to target) and ``..._backward`` come with it.
        pooling: As in `layerlab.measures.states.sentence_states`; None for what each measure defines, which
            is ``muller`` for names that end in it and ``mean`` for all others.
        tokenizer: Its tokenizer, or those of its languages; None loads the model's own.
        progress: Called with a line of text for each pair.

    Returns:
        Tidy records, as `layerlab.load_records` gives them: ``model`` is the label, ``metric`` the measure,
        ``layer`` the level, ``n`` the sentence pairs; ``ablation`` is ``measured``.

    Raises:
        DataError: An unknown measure or level, no bitext, or bitexts too small to be measured.
        CheckpointError: There is no such model or tokenizer.
    """
    own_name = Path(encoder).name if isinstance(encoder, str | Path) else ""
    encoder, tokenizer = open_encoder(encoder, tokenizer)
    name = label or own_name or str(encoder.base.config.name_or_path)
    rows = alignment_rows(
        encoder,
        bitexts,
        layers=layers,
        measures=measures,
        pooling=pooling,
        tokenizer=tokenizer,
        progress=progress,
    )
    return measured_records((name, *row) for row in rows)


def measured_records(rows: Iterable[tuple[str, str, str, int, str, float, int]]) -> pd.DataFrame:
    """Make tidy records of model, source, target, level, metric, value and n."""
    import pandas as pd

    from layerlab.analysis.records.measured import complete_measured
    from layerlab.analysis.records.tidy import validate_records

    names = ["model", "source", "target", "layer", "metric", "value", "n"]
    return validate_records(complete_measured(pd.DataFrame(rows, columns=names)), "the measured values")


def alignment_rows(
    encoder: Encoder | PreTrainedModel,
    bitexts: Sequence[Bitext],
    *,
    layers: Sequence[int] | None = None,
    measures: Sequence[str] = DEFAULT_MEASURES,
    pooling: Pooling | None = None,
    tokenizer: PreTrainedTokenizerBase | Tokenizers | None = None,
    progress: Callable[[str], None] | None = None,
) -> Iterator[Row]:
    """Yield what `measure_alignment` puts into its frame; arguments and errors are the same."""
    encoder = as_encoder(encoder)
    if not bitexts:
        raise DataError("no bitext to measure alignment on")
    _check_wanted(measures, layers or (), encoder.n_layers)
    levels = range(encoder.n_layers + 1) if layers is None else layers
    uses = Counter(id(texts) for one in bitexts for texts in (one.sources, one.targets))
    how = {measure: pooling_of(measure, pooling) for measure in measures}
    kept: dict[int, dict[Pooling, States]] = {}
    stepped: set[str] = set()
    for one in bitexts:
        sides = []
        for language, texts in ((one.source, one.sources), (one.target, one.targets)):
            key = id(texts)
            if key not in kept:
                states_of = partial(sentence_states, encoder, texts, tokenizer, language=language)
                kept[key] = {way: states_of(pooling=way) for way in set(how.values())}
            sides.append(kept[key])
            uses[key] -= 1
            if not uses[key]:
                del kept[key]  # bounds the memory: no later pair needs it
        for level in levels:
            for measure, way in how.items():
                if measure in STEPS:
                    continue
                x, y = (side[way][level] for side in sides)
                for name, value in MEASURES[measure](x, y, measure).items():
                    yield Row(one.source, one.target, level, name, value, len(one))
        for language, side in zip((one.source, one.target), sides, strict=True):
            if language not in stepped:
                stepped.add(language)
                yield from _steps(language, side, levels, {m: way for m, way in how.items() if m in STEPS})
        if progress is not None:
            progress(f"{one.source}-{one.target}: {len(one):,} sentence pairs")


def _check_wanted(measures: Sequence[str], layers: Sequence[int], n_layers: int) -> None:
    """Refuse measures and levels that do not exist."""
    for measure in measures:
        if measure not in MEASURES and measure not in STEPS:
            raise DataError(unknown("measure", measure, [*MEASURES, *STEPS]))
    for level in layers:
        if not 0 <= level <= n_layers:
            raise DataError(f"no layer {level}: expected 0 (the embeddings) to {n_layers}")


def _steps(
    language: str, states: Mapping[Pooling, States], levels: Sequence[int], how: Mapping[str, Pooling]
) -> Iterator[Row]:
    """Yield the CKA of each level with the one below it; the lowest has none."""
    for measure, way in how.items():
        of = states[way]
        for level in levels:
            if level:
                value = step_cka(of[level - 1], of[level], measure)
                yield Row(language, language, level, measure, value, len(of[level]))


def step_cka(below: States, above: States, name: str) -> float:
    """Measure the CKA of two levels by the estimator of a measure's name."""
    estimator, kernel = STEPS[name]
    return cka(below, above, estimator, kernel=kernel)
