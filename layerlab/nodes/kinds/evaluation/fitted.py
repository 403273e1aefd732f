"""A complete fit in memory, with the corpora that it was evaluated on so far."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from safetensors.torch import load_file

from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import is_standing
from layerlab.ablation.interventions.donors import Donors
from layerlab.data.catalog.corpus import DataSpec, find_corpus
from layerlab.errors import CheckpointError
from layerlab.finetuning.model import TaskModel, build_task_model
from layerlab.finetuning.prefix.frozen_prefix import FrozenPrefix
from layerlab.models.encoder import Encoder
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.training.encoding import Encoding
from layerlab.nodes.kinds.training.origin import load_encoder, longest_input, make_donors
from layerlab.nodes.kinds.training.prefix import find_prefix, hold
from layerlab.nodes.kinds.training.trained import bytes_of, take_trained
from layerlab.nodes.node import Work, read_as
from layerlab.nodes.store.store import Store
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task
from layerlab.training.devices import make_accelerator
from layerlab.training.shortcuts.shortcut import Taken


@dataclass
class Fitted:
    """A complete fit in memory.

    Attributes:
        fit: The node.
        task: Its task.
        model: Encoder and head; skips of the fit are in place again.
        encoding: Encodes corpora for it.
        labels: In the order of the head's outputs.
        corpora: Encoded test corpora by target.
        donors: Kept between runs, by the fits that they need, since they hold loaded weights.
        is_warm: Whether this process trained it, so that nothing was loaded.
    """

    fit: Fit
    task: Task
    model: TaskModel
    encoding: Encoding
    labels: tuple[str, ...]
    corpora: dict[str, EncodedCorpus] = field(default_factory=dict)
    donors: dict[tuple[str, ...], Donors] = field(default_factory=dict)
    is_warm: bool = False
    _prefix: tuple[FrozenPrefix | None] | None = field(default=None, repr=False)

    def tokenizer_of(self, language: str) -> Any:
        """Return the tokenizer by which the encoder reads a language."""
        return self.encoding.tokenizer_of(language)

    @property
    def encoder(self) -> Encoder:
        """The encoder as layers."""
        return self.model.layers

    def donors_of(self, store: Store, fits: tuple[str, ...]) -> Donors:
        """Return where interventions after fine-tuning take weights from."""
        if fits not in self.donors:
            self.donors[fits] = make_donors(store, self.fit.origin, self.fit.spec.seed, fits, self.labels)
        return self.donors[fits]

    def look_for_prefix(self, work: Work, taken: Taken) -> None:
        """Find the fit's frozen prefix, if states of it may be kept, while the encoder is the fit's own."""
        if self._prefix is None:
            fit = self.fit
            found = find_prefix(work, fit.before, fit.during, self.model, self.encoder, self.task, taken)
            self._prefix = (found,)

    def prefix(self, corpus: EncodedCorpus, taken: Taken, start: int) -> FrozenPrefix | None:
        """Return the frozen prefix that was found, with the states of a corpus.

        There is none for what changes the encoder from a level ``start`` on that is inside the prefix.
        """
        found = self._prefix[0] if self._prefix else None
        return hold(found, [(corpus, "fp32")], taken) if found and found.level <= start else None

    def corpus(self, data: DataSpec, target: str, planned: str) -> EncodedCorpus:
        """Return the encoded test split of a target, if it is still the one of the plan.

        Raises:
            DataError: It has changed.
        """
        if target not in self.corpora:
            ref = find_corpus(data, self.task.name, self.task.formats, target, "test")
            length = longest_input(self.encoder, self.fit.training.max_length)
            self.corpora[target] = self.encoding.encode(self.task, ref, planned, self.labels, length)
        return self.corpora[target]


def find_fitted(work: Work, fit_id: str) -> Fitted:
    """Return a complete fit: the one in memory, as it was trained or evaluated here, or from the disk."""
    trained = take_trained(work, fit_id)

    def make() -> Fitted:
        if trained is None:
            return load_fitted(work, fit_id)
        fit = read_as(work.store, fit_id, Fit)
        return Fitted(fit, fit.task, trained.model, trained.encoding, trained.labels, is_warm=True)

    return work.kept.get(fit_id, make, lambda fitted: bytes_of(fitted.model))


def load_fitted(work: Work, fit_id: str) -> Fitted:
    """Load a complete fit with the weights of its selected epoch.

    Raises:
        CheckpointError: Its weights are not kept.
    """
    store = work.store
    fit = read_as(store, fit_id, Fit)
    folder, saved = store.folder(fit.kind, fit_id), str(store.model(fit_id))
    if not store.model(fit_id).is_dir():
        raise CheckpointError(f"the weights of fit {fit_id} are not kept; run the study again, or keep: all")
    if changed := store.changed_files(fit_id):
        raise CheckpointError(f"{folder}: {', '.join(changed)}: not what was written; run the study again")
    task = fit.task
    labels = tuple(json.loads((folder / "labels.json").read_text(encoding="utf-8"))["labels"])
    encoder = load_encoder(saved, None, fit.spec.seed, fit.spec.language or "any")
    model = build_task_model(encoder, task, len(labels), fit.training.dropout, fit.spec.seed)
    model.head.load_state_dict(load_file(folder / "head.safetensors"))
    for item in (*fit.before, *(timed.intervention for timed in fit.during)):
        if is_standing(item):
            apply(item, encoder, allow_no_effect=True)
    model.to(make_accelerator(work.settings.device).device)
    return Fitted(fit, task, model, Encoding(fit.origin, saved, None, work), labels)
