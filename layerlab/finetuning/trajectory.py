"""A trajectory: scores on source dev and on every target while a fit trains.

It changes no number of the fit. Scores are taken between two steps, in evaluation mode, where nothing is
drawn; each step draws its dropout from a seed of its own. Weights are selected on source dev alone.

Reference: Keung, Lu, Salazar, Bhardwaj (2020), "Don't Use English Dev: On the Zero-Shot Cross-Lingual
Evaluation of Contextual Embeddings".
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from layerlab.finetuning.checkpoint import Position
from layerlab.finetuning.evaluation import evaluate
from layerlab.finetuning.model import Pass, TaskModel, plain_pass
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Score, Task
from layerlab.training.shortcuts.trimming import Trimmed

#: Between two epochs, at the end of one, or of the mean of weights that is kept.
Place = Literal["step", "epoch", "average"]


@dataclass(frozen=True)
class Watch:
    """What is scored while a fit trains, and when.

    Attributes:
        tests: Test corpora by target.
        steps: Scores are taken after every so many steps too; 0 for the ends of epochs alone.
        key: Stands for all of it: a fit that goes on knows by it whether it was watched from its first step.
        passes: How outputs are computed on a target, where it is not by the whole model.
    """

    tests: Mapping[str, EncodedCorpus]
    steps: int = 0
    key: str = "watched"
    passes: Mapping[str, Pass] = field(default_factory=dict)

    def due(self, step: int, n_epoch_steps: int) -> bool:
        """Return whether scores are taken after so many steps; the ends of epochs have scores anyway."""
        return bool(self.steps) and step % self.steps == 0 and step % n_epoch_steps != 0

    def scores(
        self, model: TaskModel, task: Task, device: torch.device, trimmed: Trimmed | None
    ) -> dict[str, list[Score]]:
        """Return the scores of a model as it is on every target; it is left in evaluation mode.

        Args:
            model: Encoder and head.
            task: Scores.
            device: Where batches go.
            trimmed: The embedding matrix with fewer rows, which is whole meanwhile; None if it is.
        """
        with nullcontext() if trimmed is None else trimmed.whole():
            return {
                target: evaluate(
                    model.speaking(target), task, corpus, device, self.passes.get(target, plain_pass)
                )
                for target, corpus in self.tests.items()
            }


def begin(watch: Watch | None, position: Position) -> Watch | None:
    """Return the watch of a fit that begins or goes on: None if its first steps went by without it."""
    key = "" if watch is None else watch.key
    if position.watched == key:
        return watch
    began_before = position.step > 0
    position.watched, position.points = "" if began_before else key, []
    return None if began_before else watch


def note_point(
    watch: Watch,
    position: Position,
    place: Place,
    dev: Sequence[Score],
    model: TaskModel,
    task: Task,
    device: torch.device,
    trimmed: Trimmed | None,
) -> None:
    """Take the scores on every target and note them beside those on source dev.

    A point has its ``place``, the ``step`` (how many were taken), the 0-based ``epoch`` that they belong to,
    and ``dev`` and ``test``: each metric's value and what it rests on, of ``test`` by target.
    """
    started = time.monotonic()
    tests = watch.scores(model, task, device, trimmed)
    position.points.append(
        {
            "place": place,
            "step": position.step,
            "epoch": position.epoch,
            "dev": _plain(dev),
            "test": {target: _plain(scores) for target, scores in tests.items()},
        }
    )
    position.watching_seconds += time.monotonic() - started


def _plain(scores: Sequence[Score]) -> dict[str, Any]:
    return {score.metric: [score.value, score.n] for score in scores}
