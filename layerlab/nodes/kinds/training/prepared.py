"""A fit between its parts: ready to be trained, and what it notes of itself once it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from layerlab.nodes.facts import Facts
from layerlab.nodes.kinds.training.encoding import Encoding
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task
from layerlab.training.shortcuts.shortcut import Taken

if TYPE_CHECKING:
    from layerlab.ablation.interventions.donors import Donors
    from layerlab.finetuning.loop import FitResult
    from layerlab.finetuning.model import Pass, TaskModel
    from layerlab.finetuning.trajectory import Watch


@dataclass(frozen=True)
class Prepared:
    """A fit that is ready to be trained.

    Attributes:
        model: Encoder and head; interventions before fine-tuning are done.
        task: Its task.
        corpora: ``train`` and ``dev`` of the source, encoded.
        labels: In the order of the head's outputs.
        encoding: Encodes corpora for it.
        donors: Where interventions take weights from.
        receipts: What the interventions before fine-tuning touched.
        taken: Which shortcuts are switched on; gets notes.
        forward: Computes the output of the head.
        watch: What is scored while it trains.
        seconds: Time that it took to get here.
    """

    model: TaskModel
    task: Task
    corpora: Mapping[str, EncodedCorpus]
    labels: tuple[str, ...]
    encoding: Encoding
    donors: Donors
    receipts: list[dict[str, Any]]
    taken: Taken
    forward: Pass
    watch: Watch | None
    seconds: float


class FitFacts(Facts):
    """What a fit notes of itself.

    Attributes:
        loading_seconds: Time before the first step, in seconds.
        training_seconds: Time in steps and in evaluation on source dev, over all resumed parts, in seconds.
        resumed_at: Step at which the last process took it up.
        n_steps: Optimiser steps.
        best_epoch: 0-based epoch whose weights were kept; of a mean of weights the last one in it.
        history: One entry an epoch: loss, dev scores, seconds. Of several source languages the dev scores are
            means, by which the epoch is chosen, and ``dev_by_language`` has those of each.
        receipts: What the interventions touched.
        corpus_notes: What the readers found odd in the corpora.
        n_train_words: Words of the training split.
        n_windowed_words: Those beyond the first window of their sentence.
        n_unknown_words: Those that the tokenizer does not know.

    Where the mean of the last epochs' weights was kept, ``averaged`` has their number and its dev scores.
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


def gather_facts(device: str, seconds: float, made: Prepared, result: FitResult) -> FitFacts:
    """Return what a fit notes of itself.

    Args:
        device: ``auto`` or ``cpu``.
        seconds: Time of the process that completed it.
        made: What it began with.
        result: What its training gave.
    """
    train = made.corpora["train"].encoded
    return FitFacts.gather(
        device,
        seconds,
        loading_seconds=round(made.seconds, 3),
        training_seconds=round(result.seconds, 3),
        resumed_at=result.resumed_at,
        n_steps=result.n_steps,
        best_epoch=result.best_epoch,
        history=result.history,
        receipts=[*made.receipts, *result.receipts],
        corpus_notes=sorted({note for corpus in made.corpora.values() for note in corpus.notes}),
        n_train_words=train.n_words,
        n_windowed_words=train.n_windowed,
        n_unknown_words=train.n_unknown,
        shortcuts=made.taken.notes,
        **({} if result.averaged is None else {"averaged": result.averaged}),
        **_mixture(made),
        **train.counts,
    )


def _mixture(made: Prepared) -> dict[str, Any]:
    """Return what a fit on several languages notes: what its dev scores are, and what it was trained on."""
    parts = made.corpora["train"].parts
    if not parts:
        return {}
    languages = ", ".join(made.corpora["dev"].parts)
    return {
        "dev_scores": f"means over the development sets of {languages}",
        "train_examples": {language: len(part.encoded.examples) for language, part in parts.items()},
    }
