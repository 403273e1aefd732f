"""A probe: the task's head on the frozen states of every layer of an encoder, as a node of a study.

A study asks for it with ``nodes: {probe: {}}``: one node a model, task, source and seed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from layerlab.analysis.stored.record import Record, ScoreRow
from layerlab.data.catalog.corpus import find_corpus
from layerlab.data.sentences import joined
from layerlab.data.spec import DataSpec
from layerlab.errors import CheckpointError, StudyError
from layerlab.measures.options import ProbeTraining
from layerlab.names import PROBE
from layerlab.nodes.facts import Facts
from layerlab.nodes.identity import digest
from layerlab.nodes.kinds.fields import read_node
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.kinds.training.origin import Origin, load_encoder, longest_input, read_planned
from layerlab.nodes.node import Node, Work, node
from layerlab.tasks.corpora import EncodedCorpus, encode_corpus, join_corpora
from layerlab.tasks.task import Task, get_task
from layerlab.tasks.words import Word, with_word
from layerlab.validation import validate

if TYPE_CHECKING:
    from layerlab.data.sentences import Corpus
    from layerlab.measures.layer_probes import ProbeScore
    from layerlab.models.encoder import Encoder
    from layerlab.models.tokenizers import Tokenizers

# Raised when probes of the same settings would get other scores.
PROBE_VERSION = 1


class ProbeOptions(BaseModel):
    """What a study may say of its probes.

    Attributes:
        layers: Levels, 0 being the embeddings and ``i + 1`` layer ``i``; all by default.
        training: Hyper-parameters of the heads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: tuple[int, ...] | None = None
    training: ProbeTraining = Field(default_factory=ProbeTraining)


@node
class Probe(BaseModel):
    """The probes of one model, task, source and seed.

    Attributes:
        checkpoint: Digest of the encoder.
        location: Folder or Hub id of the encoder.
        revision: Commit of a Hub model.
        pretraining: Id of the pretraining that gives the encoder, if one does.
        columns: The record's columns that name the probes.
        task: Name of the task.
        task_version: Raised when the task's encoding, head or scores change.
        source: Language whose training split the heads are trained on, or several, whose splits are joined.
        train: Digest of that split, or digests by language.
        targets: Digest of each target's test split.
        word: What stands for a word of several word-pieces.
        seed: Of the heads' first weights and the order of the data.
        options: Levels and hyper-parameters.
        data: Where the corpora are.
        languages: Those that have parts of their own in the checkpoint; none where they share all parts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str] = "probe"
    removable: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[bool] = False
    scored: ClassVar[bool] = True

    checkpoint: str
    location: str
    revision: str | None
    pretraining: str | None
    columns: Mapping[str, Any]
    task: str
    task_version: int
    source: str
    train: str | Mapping[str, str]
    targets: Mapping[str, str]
    seed: int
    options: ProbeOptions
    data: DataSpec
    word: Word = "first"
    languages: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The probes' identity."""
        names = ("checkpoint", "task", "task_version", "train", "targets", "seed")
        spec = {name: getattr(self, name) for name in names}
        if self.word != "first":
            spec["word"] = self.word
        if self.languages:
            spec["language"] = self.source
        options = self.options.model_dump(mode="json", exclude={"training": {"keep_gib"}})
        return digest({"kind": "probe", "version": PROBE_VERSION, **spec, "options": options})

    @property
    def needs(self) -> tuple[str, ...]:
        """The pretraining that gives the encoder, if one does."""
        return () if self.pretraining is None else (self.pretraining,)

    @property
    def title(self) -> str:
        """One line for progress and messages."""
        return f"probe {self.columns['model']} {self.task} {self.source} seed {self.seed}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the store."""
        return self.model_dump(mode="json", exclude=set() if self.languages else {"languages"})

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Probe:
        """Read plain values of the store back."""
        return read_node(cls, plain)

    @classmethod
    def plan(cls, options: Any, study: Any, nodes: Sequence[Node]) -> Iterator[Probe]:
        """Yield the probes of every model, task, source and seed of a study.

        Raises:
            StudyError: The options make no sense.
        """
        read, problems = validate(ProbeOptions, options or {}, below=("nodes", "probe"))
        if read is None:
            raise StudyError(problems, "nodes.probe")
        fits = {item.id: item for item in nodes if isinstance(item, Fit)}
        seen = set()
        for run in (item for item in nodes if isinstance(item, Run)):
            place = tuple(fits[run.fit].columns.values())
            if place not in seen:
                seen.add(place)
                yield _probe_of(fits[run.fit], run, study.name, read)

    def execute(self, work: Work) -> None:
        """Train a head on every level of the frozen encoder and score it on every target.

        Raises:
            DataError: A corpus is not what it was when the plan was made.
            CheckpointError: The encoder is not.
        """
        from layerlab.models.tokenizers import load_tokenizers
        from layerlab.training.devices import make_accelerator

        started = time.monotonic()
        origin = Origin(self.location, self.revision, self.checkpoint, self.pretraining)
        location = origin.check(work.store)
        encoder = load_encoder(location, self.revision, 0)
        encoder.base.to(make_accelerator(work.settings.device).device)
        tokenizers = load_tokenizers(location, self.revision)
        task = with_word(get_task(self.task), self.word)

        sources = {self.source: self.train} if isinstance(self.train, str) else self.train

        def read(language: str, split: str, planned: str) -> Corpus:
            return read_planned(find_corpus(self.data, task.name, task.formats, language, split), planned)

        scores = probe_corpora(
            encoder,
            tokenizers,
            task,
            {language: read(language, "train", planned) for language, planned in sorted(sources.items())},
            {target: partial(read, target, "test", digest) for target, digest in self.targets.items()},
            longest_input(encoder, self.options.training.max_length),
            seeds=(self.seed,),
            layers=self.options.layers,
            training=self.options.training,
            progress=lambda text: work.report({"event": "probing", "message": text}),
        )
        facts = Facts.gather(work.settings.device, time.monotonic() - started)
        record = Record(
            kind=self.kind,
            id=self.id,
            about={**self.columns, "run_id": self.id},
            facts=facts.model_dump(),
            scores=tuple(map(row_of, scores)),
        )
        with work.publish(self) as folder:
            record.write(folder)


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


def probe_columns(study: str, model: str, task: Task, source: str, seed: int) -> dict[str, Any]:
    """Return the columns of records that name probes; nothing was intervened on."""
    named = {"study": study, "model": model, "task": task.name, "source": source, "seed": seed}
    plain = {
        "phase": "none",
        "intervention": "none",
        "layers": "",
        "sweep": "",
        "options": "[]",
        "fit_id": "",
    }
    return {**named, "ablation": PROBE, **plain, "main_metric": task.metric}


def _probe_of(fit: Fit, run: Run, study: str, options: ProbeOptions) -> Probe:
    """Return the probes of the encoder that a fit starts from, on the corpora of the fit and its run."""
    return Probe(
        checkpoint=fit.spec.checkpoint,
        location=fit.location,
        revision=fit.revision,
        pretraining=fit.pretraining,
        columns=probe_columns(study, fit.model, get_task(fit.spec.task), fit.source, fit.spec.seed),
        task=fit.spec.task,
        task_version=fit.spec.task_version,
        source=fit.source,
        train=fit.spec.corpora["train"],
        targets=run.spec.targets,
        seed=fit.spec.seed,
        options=options,
        data=run.data,
        word=fit.spec.word,
        languages=fit.languages,
    )
