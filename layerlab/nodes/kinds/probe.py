"""A probe: the task's head on the frozen states of every layer of an encoder, as a node of a study.

A study asks for it with ``nodes: {probe: {}}``: one node a model, task, source and seed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from layerlab.analysis.stored.record import Record
from layerlab.data.catalog.corpus import find_corpus
from layerlab.data.spec import DataSpec
from layerlab.measures.options import ProbeTraining
from layerlab.nodes.facts import Facts
from layerlab.nodes.identity import digest
from layerlab.nodes.kinds.evaluation.probing import probe_columns, probe_corpora, row_of
from layerlab.nodes.kinds.fields import read_node
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.places import places_of, read_options
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.kinds.training.origin import Origin, load_encoder, longest_input, read_planned
from layerlab.nodes.node import Node, Work, node
from layerlab.tasks.task import get_task
from layerlab.tasks.words import Word, with_word
from layerlab.validation import Names

if TYPE_CHECKING:
    from layerlab.data.sentences import Corpus

# Raised when probes of the same settings would get other scores.
PROBE_VERSION = 1


class ProbeOptions(BaseModel):
    """What a study may say of its probes.

    Attributes:
        layers: Levels, 0 being the embeddings and ``i + 1`` layer ``i``; all by default.
        training: Hyper-parameters of the heads.
        tasks: Which of the study's tasks are probed; all by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: tuple[int, ...] | None = None
    training: ProbeTraining = Field(default_factory=ProbeTraining)
    tasks: Names = ()


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
        options = self.options.model_dump(mode="json", exclude={"training": {"keep_gib"}, "tasks": True})
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
        read = read_options(ProbeOptions, options, cls.kind)
        for fit, run in places_of(study, nodes, read, cls.kind):
            yield _probe_of(fit, run, study.name, read)

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


def _probe_of(fit: Fit, run: Run, study: str, options: ProbeOptions) -> Probe:
    """Return the probes of the encoder that a fit starts from, on the corpora of the fit and its run."""
    return Probe(
        checkpoint=fit.spec.checkpoint,
        location=fit.location,
        revision=fit.revision,
        pretraining=fit.pretraining,
        columns=probe_columns(
            study, fit.model, get_task(fit.spec.task), fit.source, fit.spec.seed, run.columns.get("step")
        ),
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
