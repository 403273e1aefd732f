"""Predictions and scores of a task model on a corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import torch
from torch import nn

from layerlab.finetuning.model import Batch, Pass, plain_pass
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Score, Task
from layerlab.training.batching import length_batches

# Padded word-pieces in an evaluation batch; it bounds memory and changes no score.
EVALUATION_PIECES = 8192

#: Gives the outputs of several forms of a model for a batch of numbered examples, each with the form's name.
OutputsOf = Callable[[Batch, Sequence[int]], Iterable[tuple[str, Any]]]


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Move a batch to a device."""
    return {name: tensor.to(device) for name, tensor in batch.items()}


def predict(
    model: nn.Module, task: Task, corpus: EncodedCorpus, device: torch.device, forward: Pass = plain_pass
) -> list[Any]:
    """Return the task's decoded predictions for a corpus; the model is left in evaluation mode."""

    def output(batch: Batch, examples: Sequence[int]) -> Iterable[tuple[str, Any]]:
        yield "", forward(model, batch, corpus, examples)

    return predict_each([""], output, model, task, corpus, device)[""]


def predict_each(
    names: Sequence[str],
    outputs_of: OutputsOf,
    model: nn.Module,
    task: Task,
    corpus: EncodedCorpus,
    device: torch.device,
) -> dict[str, list[Any]]:
    """Return decoded predictions for a corpus of several forms of a model, by their names, batch by batch.

    Args:
        names: Of the forms.
        outputs_of: Gives, from a batch and the numbers of its examples, each form's name and what its head
            gives, one after another.
        model: Is left in evaluation mode.
        task: Collates and decodes.
        corpus: The corpus.
        device: Where batches go.
    """
    model.eval()
    examples = corpus.encoded.examples
    decoded: dict[str, list[Any]] = {name: [] for name in names}
    with torch.inference_mode():
        for batch_indices in length_batches([len(e.input_ids) for e in examples], EVALUATION_PIECES):
            chosen = [examples[index] for index in batch_indices]
            batch = to_device(task.collate(chosen, corpus.pad_id), device)
            for name, output in outputs_of(batch, batch_indices):
                decoded[name].extend(task.decode(output, batch, chosen))
    return decoded


def evaluate(
    model: nn.Module, task: Task, corpus: EncodedCorpus, device: torch.device, forward: Pass = plain_pass
) -> list[Score]:
    """Return the task's scores of a model on a corpus; values are fractions."""
    decoded = predict(model, task, corpus, device, forward)
    return task.score(corpus.sentences, corpus.labels, decoded)


@dataclass(frozen=True)
class DevScores:
    """Scores on a development set.

    Attributes:
        means: The scores; of several languages that are joined their means, to which each counts alike.
        by_language: Values by language and metric where there are several.
    """

    means: list[Score]
    by_language: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def score_dev(
    model: nn.Module, task: Task, corpus: EncodedCorpus, device: torch.device, forward: Pass = plain_pass
) -> DevScores:
    """Return the scores on a development set, which may be those of several languages joined."""
    if not corpus.parts:
        return DevScores(evaluate(model, task, corpus, device, forward))
    found = {name: evaluate(model, task, part, device, forward) for name, part in corpus.parts.items()}
    means = [
        Score(scores[0].metric, fmean(one.value for one in scores), sum(one.n for one in scores))
        for scores in zip(*found.values(), strict=True)
    ]
    return DevScores(means, {name: {one.metric: one.value for one in own} for name, own in found.items()})
