"""Probes of an encoder on corpora, and what their records say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from layerlab.analysis.stored.record import ScoreRow
from layerlab.data.sentences import joined
from layerlab.errors import CheckpointError
from layerlab.names import PROBE
from layerlab.nodes.kinds.fields import columns_beside
from layerlab.tasks.corpora import EncodedCorpus, encode_corpus, join_corpora

if TYPE_CHECKING:
    from layerlab.data.sentences import Corpus
    from layerlab.measures.layer_probes import ProbeScore
    from layerlab.models.encoder import Encoder
    from layerlab.models.tokenizers import Tokenizers
    from layerlab.tasks.task import Task


def probe_corpora(
    encoder: Encoder,
    tokenizers: Tokenizers,
    task: Task,
    train: Mapping[str, Corpus],
    tests: Mapping[str, Callable[[], Corpus]],
    length: int,
    **options: Any,
) -> list[ProbeScore]:
    """Encode corpora for an encoder and probe it; see :func:`layerlab.measures.layer_probes.probe_layers`.

    Args:
        encoder: It does not change.
        tokenizers: Its tokenizers.
        task: Its head, loss and scores are used.
        train: The training split of each language of the source.
        tests: Reads the test split of each target, when it is needed.
        length: Longest input in word-pieces.
        **options: Seeds, layers, training and progress.

    Raises:
        CheckpointError: The encoder has parts by language, and none for a source or target, or the source is
            several languages.
    """
    from layerlab.measures.layer_probes import probe_layers

    if encoder.languages:
        if len(train) > 1:
            raise CheckpointError(
                "the checkpoint has parts of its own for each of its languages "
                f"({', '.join(encoder.languages)}), and probes are trained on the states of one; got the "
                f"sources {', '.join(train)}"
            )
        encoder = encoder.speaking(next(iter(train)))
    labels = task.label_set(joined(tuple(train.values())).sentences)

    def encode(language: str, read: Callable[[], Corpus]) -> EncodedCorpus:
        return encode_corpus(task, read(), labels, tokenizers.of(language), length)

    later = {target: partial(encode, target, read) for target, read in tests.items()}
    sources = {
        language: encode_corpus(task, one, labels, tokenizers.of(language), length)
        for language, one in train.items()
    }
    return probe_layers(encoder, task, join_corpora(sources), later, **options)


def row_of(one: ProbeScore) -> ScoreRow:
    """Return a probe's score as it stands in records."""
    score = one.score
    return ScoreRow(
        target=one.target,
        split="test",
        metric=score.metric,
        layer=one.layer,
        value=score.value,
        n=score.n,
        floor=score.floor,
    )


def probe_columns(
    study: str, model: str, task: Task, source: str, seed: int, step: int | None = None
) -> dict[str, Any]:
    """Return the columns of records that name probes; nothing was intervened on."""
    named = {"study": study, "model": model, "task": task.name, "source": source, "seed": seed}
    if step is not None:
        named["step"] = step
    return columns_beside(named, PROBE, task.metric)
