"""Scores along training: they are those of the model at that point, and recording them changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from layerlab.ablation.ablation import Timed
from layerlab.ablation.interventions import Freeze, Reset
from layerlab.ablation.interventions.donors import Donors
from layerlab.finetuning.cohort import Member, fine_tune_together
from layerlab.finetuning.evaluation import evaluate
from layerlab.finetuning.loop import FitResult, Workplace, fine_tune
from layerlab.finetuning.model import TaskModel, build_task_model
from layerlab.finetuning.training import Training
from layerlab.finetuning.trajectory import Watch
from layerlab.models.encoder import Encoder
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task
from layerlab.training.shortcuts.shortcut import Taken

Corpora = Mapping[str, EncodedCorpus]
Make = Callable[..., TaskModel]
FAST = Training(epochs=2, learning_rate=2e-3, batch_size=8)  # six steps an epoch


class KilledError(Exception):
    """Stands for a kill in the middle of a step."""


def run(model: TaskModel, task: Task, corpora: Corpora, **options: Any) -> FitResult:
    training = options.pop("training", FAST)
    return fine_tune(model, task, corpora, training, **{"seed": 0, **options})


def same(one: nn.Module, two: nn.Module) -> bool:
    return all(torch.equal(tensor, two.state_dict()[name]) for name, tensor in one.state_dict().items())


@pytest.fixture
def watch(corpora: Corpora) -> Watch:
    """Two targets, every four steps and at the ends of epochs."""
    return Watch({"aa": corpora["dev"], "bb": corpora["train"]}, steps=4)


def places(result: FitResult) -> list[tuple[str, int]]:
    assert result.points is not None
    return [(point["place"], point["step"]) for point in result.points]


def test_a_watched_fit_is_bit_for_bit_the_plain_one(
    make_model: Make, upos: Task, corpora: Corpora, watch: Watch
) -> None:
    """With dropout, and interventions on the clock."""
    during = [Timed(0.25, Freeze("embeddings,0")), Timed(0.4, Reset("2"))]
    plain, watched = make_model(), make_model()
    expected = run(plain, upos, corpora, during=during, donors=Donors(seed=7))
    result = run(watched, upos, corpora, during=during, donors=Donors(seed=7), watch=watch)
    assert [(e["loss"], e["dev"]) for e in result.history] == [
        (e["loss"], e["dev"]) for e in expected.history
    ]
    assert same(plain, watched)
    assert expected.points is None
    assert places(result) == [("step", 4), ("epoch", 6), ("step", 8), ("epoch", 12)]
    assert result.first_epoch == 0


def test_points_are_the_scores_of_the_weights_at_that_step(
    make_model: Make, upos: Task, corpora: Corpora, watch: Watch
) -> None:
    model = make_model()
    seen: dict[int, dict[str, float]] = {}

    def look(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] in (4, 6, 8, 12):
            scores = evaluate(model, upos, corpora["train"], torch.device("cpu"))
            seen[event["step"]] = {score.metric: score.value for score in scores}

    result = run(model, upos, corpora, watch=watch, report=look)
    assert result.points is not None
    for point in result.points:
        assert {metric: value for metric, (value, _) in point["test"]["bb"].items()} == seen[point["step"]]
    ends = [point for point in result.points if point["place"] == "epoch"]
    for point, entry in zip(ends, result.history, strict=True):
        assert point["epoch"] == entry["epoch"]
        assert {metric: value for metric, (value, _) in point["dev"].items()} == entry["dev"]
        assert point["test"]["aa"] == point["dev"]


def test_the_mean_of_weights_has_a_point_of_its_own(
    make_model: Make, upos: Task, corpora: Corpora, watch: Watch
) -> None:
    model, training = make_model(), Training(**{**FAST.model_dump(), "select": {"average": 2}})
    result = run(model, upos, corpora, training=training, watch=replace(watch, steps=0))
    assert places(result) == [("epoch", 6), ("epoch", 12), ("average", 12)]
    assert result.points is not None
    scores = evaluate(model, upos, corpora["train"], torch.device("cpu"))
    assert result.points[-1]["test"]["bb"] == {score.metric: [score.value, score.n] for score in scores}


@pytest.mark.parametrize("stop", [4, 5, 7])
def test_a_resumed_fit_keeps_its_trajectory(
    make_model: Make, upos: Task, corpora: Corpora, watch: Watch, tmp_path: Path, stop: int
) -> None:
    expected = run(make_model(), upos, corpora, watch=watch)
    place = Workplace(tmp_path, seconds=0.0)
    begin_and_kill(make_model, upos, corpora, place, stop, watch=watch)
    result = run(make_model(), upos, corpora, watch=watch, workplace=place)
    assert result.resumed_at == stop - 1
    assert result.points == expected.points


@pytest.mark.parametrize(("before", "now"), [(True, False), (False, True)])
def test_a_fit_that_was_not_watched_from_its_first_step_has_no_trajectory(
    make_model: Make, upos: Task, corpora: Corpora, watch: Watch, tmp_path: Path, before: bool, now: bool
) -> None:
    place = Workplace(tmp_path, seconds=0.0)
    begin_and_kill(make_model, upos, corpora, place, 5, watch=watch if before else None)
    begin_and_kill(make_model, upos, corpora, place, 7, watch=watch if now else None)
    result = run(make_model(), upos, corpora, watch=watch, workplace=place)
    assert result.resumed_at == 6
    assert result.points is None


def begin_and_kill(
    make_model: Make, task: Task, corpora: Corpora, place: Workplace, stop: int, **options: Any
) -> None:
    def kill(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == stop:
            raise KilledError("in the middle of a step")

    with pytest.raises(KilledError, match="in the middle"):
        run(make_model(), task, corpora, workplace=place, report=kill, **options)


@pytest.fixture
def foreign(corpora: Corpora) -> Watch:
    """A target of pieces that no fit meets."""
    encoded = corpora["dev"].encoded
    examples = tuple(
        replace(one, input_ids=tuple(piece + 300 for piece in one.input_ids)) for one in encoded.examples
    )
    return Watch({"bb": replace(corpora["dev"], encoded=replace(encoded, examples=examples))}, steps=4)


@pytest.fixture
def make_large(checkpoint: Callable[..., Path], upos: Task, corpora: Corpora) -> Make:
    """A function that makes a model of 600 pieces, whose embeddings may be trimmed."""
    folder = checkpoint("bert", name="-many", vocab_size=600)

    def make(seed: int = 0) -> TaskModel:
        encoder = Encoder.from_pretrained(str(folder))
        return build_task_model(encoder, upos, len(corpora["train"].labels), 0.1, seed)

    return make


def test_a_trimmed_fit_is_watched_on_pieces_that_it_does_not_hold(
    make_large: Make, upos: Task, corpora: Corpora, foreign: Watch
) -> None:
    """And stays bit for bit the trimmed fit that it is unwatched, padding and weight decay too."""
    training = FAST.model_copy(update={"weight_decay": 0.1})

    def fit(allowed: tuple[str, ...], seen: Watch | None) -> tuple[TaskModel, FitResult]:
        model, taken = make_large(), Taken(allowed)
        result = run(model, upos, corpora, training=training, watch=seen, taken=taken)
        assert ("trimming" in taken.notes) == bool(allowed)
        return model, result

    plain, expected = fit((), foreign)
    unwatched, _ = fit(("trimming",), None)
    trimmed, result = fit(("trimming",), foreign)
    assert same(unwatched, trimmed)
    assert result.points is not None
    assert expected.points is not None
    for point, other in zip(expected.points, result.points, strict=True):
        assert point["test"] == other["test"]
    torch.testing.assert_close(trimmed.state_dict(), plain.state_dict(), rtol=1e-4, atol=2e-5)


def test_members_of_a_trimmed_cohort_are_watched_on_such_pieces_too(
    make_large: Make, upos: Task, corpora: Corpora, foreign: Watch
) -> None:
    """Their matrices are slices of a stacked one before and after."""
    alone = [run(make_large(seed), upos, corpora, watch=foreign) for seed in (0, 1)]
    members = [
        Member(make_large(seed), taken=Taken(("cohorts", "trimming")), watch=foreign) for seed in (0, 1)
    ]
    together = fine_tune_together(members, upos, corpora, FAST, seed=0, device="cpu")
    assert members[0].taken.notes["cohorts"] == "one of 2"
    assert members[0].taken.notes["trimming"].endswith("of 600 rows")
    for one, other in zip(alone, together, strict=True):
        assert isinstance(other, FitResult)
        assert other.points is not None
        assert other.points == one.points


def test_members_of_a_cohort_have_the_trajectories_that_each_has_alone(
    make_model: Make, upos: Task, corpora: Corpora, watch: Watch
) -> None:
    alone = [run(make_model(seed=seed), upos, corpora, watch=watch) for seed in (0, 1)]
    members = [
        Member(make_model(seed=seed), taken=Taken(("cohorts", "trimming")), watch=watch) for seed in (0, 1)
    ]
    together = fine_tune_together(members, upos, corpora, FAST, seed=0, device="cpu")
    assert members[0].taken.notes["cohorts"] == "one of 2"
    for one, other in zip(alone, together, strict=True):
        assert isinstance(other, FitResult)
        assert other.points is not None
        assert other.points == one.points
