"""A fit: one fine-tuning of a checkpoint on a task in a source language."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from layerlab.ablation.interventions import to_dict
from layerlab.analysis.stored import Record
from layerlab.data.catalog.corpus import DataSpec, find_corpus
from layerlab.files import write_json
from layerlab.finetuning.training import Training
from layerlab.models.tokenizers import load_tokenizer
from layerlab.nodes.facts import Facts
from layerlab.nodes.identity import FitSpec
from layerlab.nodes.kinds.fields import InterventionField, TimedField
from layerlab.nodes.kinds.origin import (
    Origin,
    load_encoder,
    longest_input,
    make_donors,
    read_planned,
)
from layerlab.nodes.kinds.trained import Trained, keep_trained
from layerlab.nodes.node import Work, node
from layerlab.nodes.sharing import process_rank
from layerlab.tasks.corpora import EncodedCorpus, encode_corpus
from layerlab.tasks.task import Task, get_task
from layerlab.tasks.words import with_word

if TYPE_CHECKING:
    from layerlab.finetuning.model import TaskModel


class FitFacts(Facts):
    """What a fit notes of itself.

    Attributes:
        loading_seconds: Time before the first step, in seconds.
        training_seconds: Time in steps and in evaluation on source dev, over all resumed parts, in seconds.
        resumed_at: Step at which the last process took it up.
        n_steps: Optimiser steps.
        best_epoch: 0-based epoch whose weights were kept.
        history: One entry an epoch: loss, dev scores, seconds.
        receipts: What the interventions touched.
        corpus_notes: What the readers found odd in the corpora.
        n_train_words: Words of the training split.
        n_windowed_words: Those beyond the first window of their sentence.
        n_unknown_words: Those that the tokenizer does not know.
    """

    loading_seconds: float
    training_seconds: float
    resumed_at: int
    n_steps: int
    best_epoch: int
    history: tuple[Mapping[str, Any], ...]
    receipts: tuple[Mapping[str, Any], ...]
    corpus_notes: tuple[str, ...]
    n_train_words: int
    n_windowed_words: int
    n_unknown_words: int


@node
class Fit(BaseModel):
    """One fine-tuning.

    Attributes:
        spec: What determines its numbers.
        model: The checkpoint's short name, for records.
        location: Folder or Hub id of the checkpoint.
        revision: Commit of a Hub model.
        source: Source language.
        before: Interventions before fine-tuning, selections and donors resolved.
        during: Interventions during fine-tuning, likewise.
        data: Where the corpora are.
        training: Hyper-parameters.
        donors: Ids of the fits that donate weights.
        pretraining: Id of the pretraining that gives the checkpoint; None for one that is there already.
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
        return {name: value for name, value in plain.items() if (name, value) != ("pretraining", None)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Fit:
        """Read plain values of the store back."""
        return cls.model_validate({key: plain[key] for key in plain if key not in ("kind", "id")})

    def execute(self, work: Work) -> None:
        """Fine-tune: pretrained -> before -> head -> train (during) -> ``fits/<id>/``.

        Raises:
            DataError: A corpus is not what it was when the plan was made.
            CheckpointError: The checkpoint is not.
        """
        from layerlab.ablation.apply import apply
        from layerlab.finetuning.loop import Workplace, fine_tune
        from layerlab.finetuning.model import build_task_model, plain_pass
        from layerlab.nodes.kinds.prefix import find_prefix, hold

        started = time.monotonic()
        work.kept.drop_used()
        task, seed = self.task, self.spec.seed
        location = self.origin.check(work.store)
        encoder = load_encoder(location, self.revision, seed)
        tokenizer = load_tokenizer(location, self.revision)
        corpora, labels = self._corpora(tokenizer, longest_input(encoder, self.training.max_length))
        donors = make_donors(work.store, self.origin, seed, self.donors)
        receipts = [apply(item, encoder, donors=donors).to_dict() for item in self.before]
        model = build_task_model(encoder, task, len(labels), self.training.dropout, seed)
        taken = work.settings.taken()
        prefix = find_prefix(work, self.before, self.during, model, encoder, task, taken)
        states_of = ((corpora["train"], self.training.precision), (corpora["dev"], "fp32"))
        prefix = hold(prefix, states_of, taken)
        loaded, folder = time.monotonic() - started, work.store.work(self.id)
        result = fine_tune(
            model,
            task,
            corpora,
            self.training,
            seed=seed,
            during=self.during,
            donors=donors,
            workplace=Workplace(folder, work.settings.checkpoint_seconds),
            report=work.report,
            device=work.settings.device,
            taken=taken,
            forward=prefix or plain_pass,
        )
        if process_rank() > 0:
            return
        train = corpora["train"].encoded
        facts = FitFacts.gather(
            work.settings.device,
            time.monotonic() - started,
            loading_seconds=round(loaded, 3),
            training_seconds=round(result.seconds, 3),
            resumed_at=result.resumed_at,
            n_steps=result.n_steps,
            best_epoch=result.best_epoch,
            history=result.history,
            receipts=[*receipts, *result.receipts],
            corpus_notes=sorted({note for corpus in corpora.values() for note in corpus.notes}),
            n_train_words=train.n_words,
            n_windowed_words=train.n_windowed,
            n_unknown_words=train.n_unknown,
            shortcuts=taken.notes,
            **train.counts,
        )
        self._publish(work, model, tokenizer, labels, facts)
        shutil.rmtree(folder, ignore_errors=True)

    def _corpora(self, tokenizer: Any, length: int) -> tuple[dict[str, EncodedCorpus], tuple[str, ...]]:
        """Return the encoded splits of the source, and the labels of the head."""
        task = self.task
        read = {}
        for split in ("train", "dev"):
            ref = find_corpus(self.data, task.name, task.formats, self.source, split)
            read[split] = read_planned(ref, self.spec.corpora[split])
        labels = task.label_set(read["train"].sentences)
        encoded = {
            split: encode_corpus(task, corpus, labels, tokenizer, length) for split, corpus in read.items()
        }
        return encoded, labels

    def _publish(
        self, work: Work, model: TaskModel, tokenizer: Any, labels: tuple[str, ...], facts: FitFacts
    ) -> None:
        from safetensors.torch import save_file

        about = {**self.columns, "fit_id": self.id, "title": self.title}
        with work.publish(self) as folder:
            model.encoder.save_pretrained(folder / "model")
            tokenizer.save_pretrained(folder / "model")
            head = {
                name: tensor.detach().cpu().contiguous() for name, tensor in model.head.state_dict().items()
            }
            save_file(head, folder / "head.safetensors")
            write_json(folder / "labels.json", {"labels": list(labels)})
            Record(
                kind=self.kind, id=self.id, about=about, facts=facts.model_dump(), spec=self.to_json()["spec"]
            ).write(folder)
        keep_trained(work, self.id, Trained(model, tokenizer, labels))
