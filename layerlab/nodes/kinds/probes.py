"""Layer probes by name: models, a task, languages and seeds become tidy records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from layerlab.analysis.stored.record import Record
from layerlab.data.catalog.corpus import CorpusRef, DataSpec, find_corpus
from layerlab.data.sentences import joined
from layerlab.errors import CheckpointError, DataError, LabelError, LayerlabError, Problem, StudyError
from layerlab.measures.layer_probes import check_levels
from layerlab.measures.options import ProbeTraining
from layerlab.measures.states import longest_input
from layerlab.models.checkpoints import Checkpoint, find_checkpoint
from layerlab.models.encoder import Encoder
from layerlab.models.pieces import blank_pieces
from layerlab.models.tokenizers import load_tokenizers
from layerlab.nodes.identity import digest
from layerlab.nodes.kinds.evaluation.probing import probe_columns, probe_corpora, row_of
from layerlab.nodes.kinds.probe import PROBE_VERSION
from layerlab.targets import misnamed_source, sources_of
from layerlab.tasks.corpora import check_labels, read_corpus
from layerlab.tasks.task import Task, get_task
from layerlab.tasks.words import DEFAULT_WORD, Word, resolved_word, with_word
from layerlab.training.devices import make_accelerator

if TYPE_CHECKING:
    import pandas as pd

STUDY = "probes"  # the name of their study


def probe_models(
    models: Mapping[str, str],
    task: str,
    source: str,
    targets: Sequence[str] = (),
    *,
    data: DataSpec | None = None,
    seeds: Sequence[int] = (0,),
    layers: Sequence[int] | None = None,
    training: ProbeTraining | None = None,
    word: Word = DEFAULT_WORD,
    device: str = "auto",
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Probe a task at every level of frozen encoders: trained on the source, scored on it and every target.

    Args:
        models: Label to a model's folder, the name of an encoder that comes with layerlab, or a Hub id.
        task: Name of a task.
        source: Its training split is what probes are trained on; of several, as in ``en+fr``, all of them.
        targets: Languages whose test split they are scored on, besides the source's.
        data: Where the corpora are.
        seeds: Of the heads' first weights and the order of the data.
        layers: Levels, 0 being the embeddings and ``i + 1`` layer ``i``; all by default.
        training: Hyper-parameters.
        word: What stands for a word of several word-pieces; as in a study.
        device: ``auto`` or ``cpu``.
        progress: Called with a line of text for each step.

    Returns:
        Tidy records: one row a model, seed, target, metric and level. ``ablation`` is ``probe``, ``layer``
        the level, and a ``run_id`` stands for the probes of one model, task, source and seed.

    Raises:
        StudyError: Models, task, languages or levels that do not exist, or labels that the source lacks; all
            of them at once, before anything is computed.
    """
    import pandas as pd

    from layerlab.analysis.records.spread import record_rows
    from layerlab.analysis.records.tidy import validate_records

    data, training = (data or DataSpec()).resolved(), training or ProbeTraining()
    checkpoints, trains, tests = _find_all(models, task, source, targets, data, seeds, layers)
    corpora = {ref.language: read_corpus(ref) for ref in trains}
    train = joined(tuple(corpora.values()))
    rows = []
    for label, checkpoint in checkpoints.items():
        encoder = Encoder.from_pretrained(checkpoint.reference, language="any")
        encoder.base.to(make_accelerator(device).device)
        tokenizers = load_tokenizers(checkpoint.reference)
        read_by = resolved_word(get_task(task), word, bool(blank_pieces(tokenizers.common)))
        scores = probe_corpora(
            encoder,
            tokenizers,
            with_word(get_task(task), read_by),
            corpora,
            {language: partial(read_corpus, ref) for language, ref in tests.items()},
            min(training.max_length, longest_input(encoder, tokenizers.common)),
            seeds=seeds,
            layers=layers,
            training=training,
            progress=None if progress is None else partial(_tell, progress, label),
        )
        for seed in seeds:
            run_id = _run_id(label, checkpoint, get_task(task), train.digest, seed, training, read_by, source)
            about = probe_columns(STUDY, label, get_task(task), source, seed)
            own = tuple(row_of(score) for score in scores if score.seed == seed)
            rows += record_rows(Record(kind="probe", id=run_id, about=about, scores=own))
    return validate_records(pd.DataFrame(rows), "the probes' records")


def _find_all(
    models: Mapping[str, str],
    task: str,
    source: str,
    targets: Sequence[str],
    data: DataSpec,
    seeds: Sequence[int],
    layers: Sequence[int] | None,
) -> tuple[dict[str, Checkpoint], list[CorpusRef], dict[str, CorpusRef]]:
    """Find models, the training splits of the source's languages, and test splits by language."""
    problems = [] if seeds else [Problem("seeds", "none is given; expected at least one")]
    checkpoints: dict[str, Checkpoint] = {}
    for label, name in models.items():
        try:
            checkpoints[label] = find_checkpoint(name)
            check_levels(layers, checkpoints[label].n_layers)
        except LayerlabError as error:
            problems.append(Problem(f"model {label}", str(error)))
    if wrong := misnamed_source(source):
        problems.append(Problem("source", wrong))
    try:
        formats = get_task(task).formats
    except LabelError as error:
        raise StudyError([*problems, Problem("task", str(error))], "the probes") from error
    trains: list[CorpusRef] = []
    tests: dict[str, CorpusRef] = {}
    sources = () if wrong else sources_of(source)
    for language in sorted(sources):
        try:
            trains.append(find_corpus(data, task, formats, language, "train"))
        except DataError as error:
            problems.append(Problem("source", str(error)))
    for language in dict.fromkeys((*sources, *targets)):
        try:
            tests[language] = find_corpus(data, task, formats, language, "test")
        except DataError as error:
            problems.append(Problem(f"target {language}", str(error)))
    if trains and len(trains) == len(sources):
        checked = check_labels(get_task(task), trains, list(tests.values()))
        problems += [Problem("", told) for told in checked.problems]
    if not models:
        problems.append(Problem("models", "none is given; expected at least one"))
    if problems:
        raise StudyError(problems, "the probes")
    return checkpoints, trains, tests


def _run_id(
    label: str,
    checkpoint: Checkpoint,
    task: Task,
    corpus: str,
    seed: int,
    training: ProbeTraining,
    word: Word,
    source: str,
) -> str:
    """Return the identity of the probes of one model, task, source and seed."""
    settings = training.model_dump(mode="json", exclude={"keep_gib"})
    if word != "first":
        settings["word"] = word
    if checkpoint.languages:
        settings["language"] = source
    spec = {"probe": PROBE_VERSION, "label": label, "checkpoint": checkpoint.digest, "task": task.name}
    return digest(spec | {"version": task.version, "train": corpus, "seed": seed, "training": settings})


def _tell(progress: Callable[[str], None], label: str, text: str) -> None:
    progress(f"{label}: {text}")


def labels_of_models(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return models by label.

    Raises:
        CheckpointError: Two models have one label.

    >>> labels_of_models([("before", "mbert"), ("after", "fits/01")])
    {'before': 'mbert', 'after': 'fits/01'}
    """
    found: dict[str, str] = {}
    for label, model in pairs:
        if label in found:
            raise CheckpointError(
                f"{found[label]} and {model} are both called {label!r}; give each a label: LABEL=MODEL"
            )
        found[label] = model
    return found
