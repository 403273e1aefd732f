"""A fit with fused steps gives what the plain one gives, and goes on as it began."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from layerlab.finetuning.loop import FitResult, Workplace, fine_tune
from layerlab.finetuning.model import TaskModel
from layerlab.finetuning.training import Training
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task
from layerlab.training.shortcuts.shortcut import Taken

Corpora = Mapping[str, EncodedCorpus]
Make = Callable[..., TaskModel]
TRAINING = Training(epochs=2, learning_rate=1e-3, batch_size=8, weight_decay=0.1)
ALLOWED = ("fused-steps",)


def fit(
    model: TaskModel, task: Task, corpora: Corpora, allowed: tuple[str, ...], **options: Any
) -> tuple[FitResult, dict[str, str]]:
    taken = Taken(allowed)
    return fine_tune(
        model, task, corpora, TRAINING, seed=0, taken=taken, device="cpu", **options
    ), taken.notes


def test_losses_and_scores_are_those_of_the_plain_way(make_model: Make, upos: Task, corpora: Corpora) -> None:
    plain, without = fit(make_model(), upos, corpora, ())
    fused, notes = fit(make_model(), upos, corpora, ALLOWED)
    assert (without, notes) == ({}, {"fused-steps": "12 steps"})
    for one, other in zip(plain.history, fused.history, strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-5)
        assert other["dev"] == pytest.approx(one["dev"], abs=0.01)


@pytest.mark.parametrize("ways", [(ALLOWED, ()), ((), ALLOWED)])
def test_a_fit_goes_on_as_it_began(
    make_model: Make, upos: Task, corpora: Corpora, tmp_path: Path, ways: tuple[tuple[str, ...], ...]
) -> None:
    undisturbed = make_model()
    _, notes = fit(undisturbed, upos, corpora, ways[0])

    def kill(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == 8:
            raise InterruptedError("in the middle of a step")

    place = Workplace(tmp_path, seconds=0.0)
    with pytest.raises(InterruptedError, match="in the middle"):
        fit(make_model(), upos, corpora, ways[0], workplace=place, report=kill)
    resumed = make_model()
    result, notes_then = fit(resumed, upos, corpora, ways[1], workplace=place)
    assert result.resumed_at == 7
    assert notes_then == notes
    for name, tensor in undisturbed.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
