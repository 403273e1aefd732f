"""A probe: the task's head on the frozen states of every layer of an encoder, as a node of a study.

A study asks for it with ``nodes: {probe: {}}``: one node a model, task, source and seed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from layerlab.analysis.stored import Record, ScoreRow
from layerlab.data.catalog.corpus import find_corpus
from layerlab.data.spec import DataSpec
from layerlab.errors import StudyError
from layerlab.measures.spec import ProbeTraining
from layerlab.names import PROBE
from layerlab.nodes.facts import Facts
from layerlab.nodes.identity import digest
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.origin import Origin, load_encoder, longest_input, read_planned
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.node import Node, Work, node
from layerlab.tasks.corpora import EncodedCorpus, encode_corpus
from layerlab.tasks.task import get_task
from layerlab.validation import validate

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
        source: Language whose training split the heads are trained on.
        train: Digest of that split.
        targets: Digest of each target's test split.
        seed: Of the heads' first weights and the order of the data.
        options: Levels and hyper-parameters.
        data: Where the corpora are.
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
    train: str
    targets: Mapping[str, str]
    seed: int
    options: ProbeOptions
    data: DataSpec

    @property
    def id(self) -> str:
        """The probes' identity."""
        names = ("checkpoint", "task", "task_version", "train", "targets", "seed")
        spec = {name: getattr(self, name) for name in names}
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
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Probe:
        """Read plain values of the store back."""
        return cls.model_validate({key: plain[key] for key in plain if key not in ("kind", "id")})

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
        from layerlab.measures.layer_probes import probe_layers
        from layerlab.models.tokenizers import load_tokenizer
        from layerlab.training.devices import make_accelerator

        started = time.monotonic()
        work.report({"event": "start", "title": self.title})
        origin = Origin(self.location, self.revision, self.checkpoint, self.pretraining)
        location = origin.check(work.store)
        encoder = load_encoder(location, self.revision, 0)
        encoder.base.to(make_accelerator(work.settings.device).device)
        tokenizer = load_tokenizer(location, self.revision)
        length = longest_input(encoder, self.options.training.max_length)
        task = get_task(self.task)
        source = find_corpus(self.data, task.name, task.formats, self.source, "train")
        train = read_planned(source, self.train)
        labels = task.label_set(train.sentences)

        def encoded(target: str) -> EncodedCorpus:
            ref = find_corpus(self.data, task.name, task.formats, target, "test")
            return encode_corpus(task, read_planned(ref, self.targets[target]), labels, tokenizer, length)

        scores = probe_layers(
            encoder,
            task,
            encode_corpus(task, train, labels, tokenizer, length),
            {target: partial(encoded, target) for target in self.targets},
            seeds=(self.seed,),
            layers=self.options.layers,
            training=self.options.training,
            progress=lambda text: work.report({"event": "probing", "message": text}),
        )
        rows = tuple(
            ScoreRow(
                target=one.target,
                split="test",
                metric=one.score.metric,
                layer=one.layer,
                value=one.score.value,
                n=one.score.n,
            )
            for one in scores
        )
        facts = Facts.gather(work.settings.device, time.monotonic() - started)
        about = {**self.columns, "run_id": self.id}
        with work.publish(self) as folder:
            Record(kind=self.kind, id=self.id, about=about, facts=facts.model_dump(), scores=rows).write(
                folder
            )
        work.report({"event": "done", "seconds": facts.seconds})


def _probe_of(fit: Fit, run: Run, study: str, options: ProbeOptions) -> Probe:
    """Return the probes of the encoder that a fit starts from, on the corpora of the fit and its run."""
    columns = {
        "study": study,
        **fit.columns,
        "ablation": PROBE,
        "phase": "none",
        "intervention": "none",
        "layers": "",
        "sweep": "",
        "options": "[]",
        "main_metric": get_task(fit.spec.task).metric,
        "fit_id": "",
    }
    return Probe(
        checkpoint=fit.spec.checkpoint,
        location=fit.location,
        revision=fit.revision,
        pretraining=fit.pretraining,
        columns=columns,
        task=fit.spec.task,
        task_version=fit.spec.task_version,
        source=fit.source,
        train=fit.spec.corpora["train"],
        targets=run.spec.targets,
        seed=fit.spec.seed,
        options=options,
        data=run.data,
    )
