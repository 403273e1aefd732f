"""A fit: one fine-tuning of a checkpoint on a task in a source language."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from layerlab.ablation.interventions import to_dict
from layerlab.analysis.stored.record import Record
from layerlab.data.catalog.corpus import DataSpec
from layerlab.finetuning.training import Training
from layerlab.nodes.identity import FitSpec, canonical_json
from layerlab.nodes.kinds.fields import InterventionField, TimedField, read_node
from layerlab.nodes.kinds.training.encoding import Encoding
from layerlab.nodes.kinds.training.origin import (
    Origin,
    load_encoder,
    longest_input,
    make_donors,
)
from layerlab.nodes.kinds.training.prepared import FitFacts, Prepared, gather_facts
from layerlab.nodes.kinds.training.trained import Trained, keep_trained
from layerlab.nodes.kinds.training.watched import Watched, publish_trajectory
from layerlab.nodes.node import Work, node
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.sharing import is_shared, process_rank
from layerlab.tasks.task import Task, get_task
from layerlab.tasks.words import with_word

if TYPE_CHECKING:
    from layerlab.finetuning.loop import FitResult
    from layerlab.training.shortcuts.cohorts import CohortCase


@node
class Fit(BaseModel):
    """One fine-tuning.

    Attributes:
        spec: What determines its numbers.
        model: The checkpoint's short name, for records.
        location: Folder or Hub id of the checkpoint.
        revision: Commit of a Hub model.
        source: Source language, or several as in ``en+fr``.
        before: Interventions before fine-tuning, selections and donors resolved.
        during: Interventions during fine-tuning, likewise.
        data: Where the corpora are.
        training: Hyper-parameters.
        donors: Ids of the fits that donate weights.
        pretraining: Id of the pretraining that gives the checkpoint; None for one that is there already.
        watched: What is scored while it trains, which becomes a node of its own; None for nothing.
        languages: Those that have parts of their own in the checkpoint; none where they share all parts.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True
    )

    kind: ClassVar[str] = "fit"
    removable: ClassVar[tuple[str, ...]] = ("model",)
    shared: ClassVar[bool] = True
    scored: ClassVar[bool] = False

    spec: FitSpec
    model: str
    location: str
    revision: str | None
    source: str
    before: tuple[InterventionField, ...]
    during: tuple[TimedField, ...]
    data: DataSpec
    training: Training
    donors: tuple[str, ...] = Field(default=(), alias="needs")
    pretraining: str | None = None
    watched: Watched | None = None
    languages: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The fit's identity."""
        return self.spec.id

    @property
    def needs(self) -> tuple[str, ...]:
        """The pretraining that gives the checkpoint, and the fits that donate weights."""
        return self.donors if self.pretraining is None else (self.pretraining, *self.donors)

    @property
    def title(self) -> str:
        """One line for progress and messages."""
        items = (*self.before, *(timed.intervention for timed in self.during))
        changes = "+".join(f"{next(iter(to_dict(item)))}({item.layers})" for item in items)
        return f"fit {self.model} {self.spec.task} {self.source} seed {self.spec.seed} {changes or 'none'}"

    @property
    def columns(self) -> Mapping[str, Any]:
        """Model, task, source and seed."""
        return {"model": self.model, "task": self.spec.task, "source": self.source, "seed": self.spec.seed}

    @property
    def tracked_settings(self) -> Mapping[str, object]:
        """What trackers show of it."""
        during = [{"at": timed.at, **to_dict(timed.intervention)} for timed in self.during]
        changes = [*(to_dict(item) for item in self.before), *during]
        return {
            **self.columns,
            "fit_id": self.id,
            "interventions": canonical_json(changes) if changes else "none",
            "word": self.spec.word,
            "training": self.training.model_dump(mode="json"),
        }

    @property
    def task(self) -> Task:
        """The task, which reads words as the fit does."""
        return with_word(get_task(self.spec.task), self.spec.word)

    @property
    def origin(self) -> Origin:
        """The checkpoint that it starts from."""
        return Origin(self.location, self.revision, self.spec.checkpoint, self.pretraining)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the store."""
        plain = self.model_dump(mode="json", by_alias=True)
        if self.spec.word == "first":
            del plain["spec"]["word"]
        if not self.languages:
            del plain["spec"]["language"], plain["languages"]
        unset = [name for name in ("pretraining", "watched") if plain[name] is None]
        return {name: value for name, value in plain.items() if name not in unset}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Fit:
        """Read plain values of the store back."""
        return read_node(cls, plain)

    def execute(self, work: Work) -> None:
        """Fine-tune: pretrained -> before -> head -> train (during) -> ``fits/<id>/``.

        Raises:
            DataError: A corpus is not what it was when the plan was made.
            CheckpointError: The checkpoint is not.
        """
        from layerlab.training.devices import has_gpu
        from layerlab.training.shortcuts.cohorts import Cohorts

        started, settings = time.monotonic(), work.settings
        work.kept.drop_used()
        made = self.prepare(work)
        if settings.cohorts_on_cpu or has_gpu(settings.device):
            case = self._cohort_case(True, 2 if is_shared() else 1)
            made.taken.may(Cohorts(), case)
        result = self.train(work, made, self.id)
        if process_rank() == 0:
            self._complete(work, made, result, time.monotonic() - started)

    def train(self, work: Work, made: Prepared, node_id: str) -> FitResult:
        """Fine-tune what was prepared for it; checkpoints are those of the node that it is done for."""
        from layerlab.finetuning.loop import Workplace, fine_tune

        return fine_tune(
            made.model,
            made.task,
            made.corpora,
            self.training,
            seed=self.spec.seed,
            during=self.during,
            donors=made.donors,
            workplace=Workplace(work.store.work(node_id), work.settings.checkpoint_seconds),
            report=work.report,
            device=work.settings.device,
            taken=made.taken,
            forward=made.forward,
            watch=made.watch,
        )

    @classmethod
    def join(cls, nodes: Sequence[Fit], settings: WorkSettings) -> list[list[Fit]]:
        """Return fits in cohorts: they differ in their first weights alone and may be trained together."""
        on_cpu = settings.cohorts_on_cpu
        if len(nodes) < 2 or "cohorts" not in settings.shortcuts or (settings.device == "cpu" and not on_cpu):
            return [[item] for item in nodes]
        from layerlab.training.devices import has_gpu
        from layerlab.training.shortcuts.cohorts import MOST_MEMBERS, Cohorts, split_evenly

        shortcut, on_gpu = Cohorts(on_cpu), has_gpu(settings.device)
        alike: dict[str, list[Fit]] = {}
        for item in nodes:
            refused = shortcut.refuses(item._cohort_case(on_gpu))
            alike.setdefault(item.id if refused else item._without_first_weights(), []).append(item)
        groups = []
        for same in alike.values():
            for size in split_evenly(len(same), MOST_MEMBERS):
                groups.append(same[:size])
                same = same[size:]
        return groups

    @classmethod
    def execute_together(cls, nodes: Sequence[Fit], work: Work) -> None:
        """Fine-tune fits of a cohort as one stacked model; one that diverges is left, to fail alone."""
        from layerlab.finetuning.cohort import Member, fine_tune_together
        from layerlab.finetuning.loop import FitResult, Workplace

        started = time.monotonic()
        work.kept.drop_used()
        made = [item.prepare(work.of(item)) for item in nodes]
        members = [
            Member(
                one.model,
                Workplace(work.store.work(item.id), work.settings.checkpoint_seconds),
                work.of(item).report,
                one.taken,
                one.watch,
            )
            for item, one in zip(nodes, made, strict=True)
        ]
        first = nodes[0]
        results = fine_tune_together(
            members,
            made[0].task,
            made[0].corpora,
            first.training,
            seed=first.spec.seed,
            device=work.settings.device,
        )
        seconds = (time.monotonic() - started) / len(nodes)
        for item, one, result in zip(nodes, made, results, strict=True):
            if isinstance(result, FitResult):
                item._complete(work.of(item), one, result, seconds)

    def _cohort_case(self, on_gpu: bool, n_processes: int = 1) -> CohortCase:
        from layerlab.training.shortcuts.cohorts import CohortCase

        pulled = bool(self.training.l2_sp)
        return CohortCase(self.before, self.during, on_gpu, n_processes, pulled, self.languages)

    def _without_first_weights(self) -> str:
        """Return what fits share that see the same batches and draw the same dropout, as text."""
        plain = self.to_json()
        return canonical_json(
            {**plain, "spec": {**plain["spec"], "before": None}, "before": None, "needs": None}
        )

    def prepare(self, work: Work) -> Prepared:
        """Load the checkpoint, read the source, carry out ``before`` and put the head on."""
        from layerlab.ablation.apply import apply
        from layerlab.finetuning.model import build_task_model, plain_pass
        from layerlab.nodes.kinds.training.prefix import find_prefix, hold

        started = time.monotonic()
        task, seed = self.task, self.spec.seed
        location = self.origin.check(work.store)
        encoder = load_encoder(location, self.revision, seed, self.spec.language or "any")
        encoding = Encoding(self.origin, location, self.revision, work)
        planned = {split: self.spec.corpora_of(split, self.source) for split in ("train", "dev")}
        length = longest_input(encoder, self.training.max_length)
        corpora, labels = encoding.encode_source(task, self.data, planned, length)
        donors = make_donors(work.store, self.origin, seed, self.donors)
        receipts = [apply(item, encoder, donors=donors).to_dict() for item in self.before]
        work.report({"event": "receipts", "when": "before", "receipts": receipts})
        model = build_task_model(encoder, task, len(labels), self.training.dropout, seed)
        taken = work.settings.taken()
        encoding.note(taken)
        prefix = find_prefix(work, self.before, self.during, model, encoder, task, taken)
        dev = corpora["dev"].parts.values() or [corpora["dev"]]
        states_of = ((corpora["train"], self.training.precision), *((part, "fp32") for part in dev))
        prefix = hold(prefix, states_of, taken)
        watch = None
        if self.watched is not None:
            watch = self.watched.find(self.id, self.data, task, labels, length, encoding, prefix)
        forward, loaded = prefix or plain_pass, time.monotonic() - started
        return Prepared(
            model, task, corpora, labels, encoding, donors, receipts, taken, forward, watch, loaded
        )

    def _complete(self, work: Work, made: Prepared, result: FitResult, seconds: float) -> None:
        """Publish the trajectory and the fit, in this order, and remove what it was resumed from."""
        facts = gather_facts(work.settings.device, seconds, made, result)
        if self.watched is not None and result.points is not None:
            spec = self.watched.spec(self.id)
            publish_trajectory(work, spec, self.source, self.training, result, seconds=seconds)
        self._publish(work, Trained(made.model, made.encoding, made.labels), facts)
        shutil.rmtree(work.store.work(self.id), ignore_errors=True)

    def _publish(self, work: Work, trained: Trained, facts: FitFacts) -> None:
        about = {**self.columns, "fit_id": self.id, "title": self.title}
        is_warm = keep_trained(work, self.id, trained)
        # What took no longer than from one checkpoint to the next may as well be trained again after a kill.
        is_quick = facts.training_seconds < work.settings.checkpoint_seconds
        with work.publish(self) as folder:
            trained.write(folder, encoder=work.stores(self.id) or not (is_warm and is_quick))
            Record(
                kind=self.kind, id=self.id, about=about, facts=facts.model_dump(), spec=self.to_json()["spec"]
            ).write(folder)
