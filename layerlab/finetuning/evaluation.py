"""Predictions and scores of a task model on a corpus."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from layerlab.finetuning.model import Batch, forward_batch
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Score, Task
from layerlab.training.batching import length_batches

# Padded word-pieces in an evaluation batch; it bounds memory and changes no score.
EVALUATION_PIECES = 8192


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Move a batch to a device."""
    return {name: tensor.to(device) for name, tensor in batch.items()}


def predict(model: nn.Module, task: Task, corpus: EncodedCorpus, device: torch.device) -> list[Any]:
    """Return the task's decoded predictions for a corpus; the model is left in evaluation mode."""
    model.eval()
    examples = corpus.encoded.examples
    decoded: list[Any] = []
    with torch.inference_mode():
        for batch_indices in length_batches([len(e.input_ids) for e in examples], EVALUATION_PIECES):
            chosen = [examples[index] for index in batch_indices]
            batch = to_device(task.collate(chosen, corpus.pad_id), device)
            decoded.extend(task.decode(forward_batch(model, batch), batch, chosen))
    return decoded


def evaluate(model: nn.Module, task: Task, corpus: EncodedCorpus, device: torch.device) -> list[Score]:
    """Return the task's scores of a model on a corpus; values are fractions."""
    return task.score(corpus.sentences, corpus.labels, predict(model, task, corpus, device))
