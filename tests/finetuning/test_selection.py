"""The mean of the last epochs' weights, against a brute-force mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from layerlab.ablation.ablation import Timed
from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import Freeze, Scale
from layerlab.errors import StudyError, TrainingError
from layerlab.finetuning.cohort import Member, fine_tune_together
from layerlab.finetuning.evaluation import evaluate
from layerlab.finetuning.loop import FitResult, Workplace, fine_tune
from layerlab.finetuning.model import TaskModel, build_task_model
from layerlab.finetuning.selection import dev_score
from layerlab.finetuning.training import Average, Training
from layerlab.models.encoder import Encoder
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task, get_task
from layerlab.training.shortcuts.shortcut import Taken
from layerlab.validation import validate
from tests.fixtures.studies import make_study

Corpora = Mapping[str, EncodedCorpus]
Make = Callable[..., TaskModel]
LAST_TWO = Training(epochs=3, learning_rate=5e-3, batch_size=8, weight_decay=0.1, select={"average": 2})


class KilledError(Exception):
    """Stands for a kill in the middle of a step."""


def run(model: TaskModel, task: Task, corpora: Corpora, **options: Any) -> FitResult:
    training = options.pop("training", LAST_TWO)
    return fine_tune(model, task, corpora, training, **{"seed": 0, **options})


def epochs_of(make: Make, task: Task, corpora: Corpora, **options: Any) -> list[dict[str, Tensor]]:
    """Return the weights at the end of every epoch of a fit that keeps the last."""
    model, found = make(), list[dict[str, Tensor]]()

    def note(event: dict[str, Any]) -> None:
        if event["event"] == "epoch":
            found.append({name: tensor.clone() for name, tensor in model.state_dict().items()})

    training = LAST_TWO.model_copy(update={"select": "last"})
    run(model, task, corpora, training=training, report=note, **options)
    return found


def mean_of(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([state[name].double() for state in states]).mean(0) for name in states[0]}


def assert_weights(model: nn.Module, expected: Mapping[str, Tensor]) -> None:
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor.double(), expected[name], rtol=1e-6, atol=1e-7)


def test_the_kept_weights_are_the_mean_of_the_last_epochs(
    make_model: Make, upos: Task, corpora: Corpora
) -> None:
    epochs = epochs_of(make_model, upos, corpora)
    model = make_model()
    result = run(model, upos, corpora)
    assert_weights(model, mean_of(epochs[-2:]))
    assert result.best_epoch == 2
    scores = evaluate(model, upos, corpora["dev"], torch.device("cpu"))
    assert result.averaged == {"epochs": 2, "dev": {score.metric: score.value for score in scores}}
    alone = make_model()
    run(alone, upos, corpora, training=LAST_TWO.model_copy(update={"select": Average(average=1)}))
    assert_weights(alone, mean_of(epochs[-1:]))


def test_frozen_weights_stay_bit_identical_in_the_mean(
    make_model: Make, upos: Task, corpora: Corpora
) -> None:
    model = make_model()
    apply(Freeze("embeddings,1"), Encoder(model.encoder))
    before = {name: p.clone() for name, p in Encoder(model.encoder).parameters("embeddings,1").items()}
    run(model, upos, corpora)
    after = Encoder(model.encoder).parameters("embeddings,1")
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("stop", [8, 15])
def test_a_fit_resumed_amid_the_averaged_epochs_keeps_the_same_weights(
    make_model: Make, upos: Task, corpora: Corpora, tmp_path: Path, stop: int
) -> None:
    """Six steps an epoch: once before the first averaged epoch ends, once after it."""

    def kill(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == stop:
            raise KilledError("in the middle of a step")

    plain, resumed, place = make_model(), make_model(), Workplace(tmp_path, seconds=0.0)
    expected = run(plain, upos, corpora)
    with pytest.raises(KilledError, match="in the middle"):
        run(make_model(), upos, corpora, workplace=place, report=kill)
    result = run(resumed, upos, corpora, workplace=place)
    assert result.resumed_at == stop - 1
    assert result.averaged == expected.averaged
    assert all(torch.equal(one, resumed.state_dict()[name]) for name, one in plain.state_dict().items())


def test_epochs_from_before_a_change_of_the_model_enter_no_mean(
    make_model: Make, upos: Task, corpora: Corpora
) -> None:
    during = [Timed(0.7, Scale("embeddings", 0.5))]
    epochs = epochs_of(make_model, upos, corpora, during=during)
    model = make_model()
    result = run(model, upos, corpora, during=during)
    assert result.averaged is not None
    assert result.averaged["epochs"] == 1
    assert_weights(model, mean_of(epochs[-1:]))


def test_rows_that_trimming_leaves_out_are_averaged_too(
    checkpoint: Callable[..., Path], upos: Task, corpora: Corpora
) -> None:
    """They decay from epoch to epoch, so that their mean is not their last value."""
    folder = checkpoint("bert", name="-many", vocab_size=600)
    models = [
        build_task_model(Encoder.from_pretrained(str(folder)), upos, len(corpora["train"].labels), 0.1, 0)
        for _ in range(2)
    ]
    taken = Taken(("trimming",))
    run(models[0], upos, corpora)
    run(models[1], upos, corpora, taken=taken)
    assert taken.notes["trimming"].endswith("of 600 rows")
    plain, trimmed = (model.state_dict()["encoder.embeddings.word_embeddings.weight"] for model in models)
    torch.testing.assert_close(trimmed[-100:], plain[-100:], rtol=1e-5, atol=0)
    for name, tensor in models[0].state_dict().items():
        torch.testing.assert_close({name: models[1].state_dict()[name]}, {name: tensor}, rtol=1e-4, atol=2e-5)


def test_members_of_a_cohort_average_their_own_weights(
    make_model: Make, upos: Task, corpora: Corpora
) -> None:
    short = replace_epochs(2)
    alone, together = [make_model(seed=seed) for seed in (0, 1)], [make_model(seed=seed) for seed in (0, 1)]
    for model in alone:
        run(model, upos, corpora, training=short)
    members = [Member(model, taken=Taken(("cohorts",))) for model in together]
    fine_tune_together(members, upos, corpora, short, seed=0, device="cpu")
    for one, other in zip(alone, together, strict=True):
        for name, tensor in one.state_dict().items():
            if not name.endswith("key.bias"):  # its gradient is rounding alone
                torch.testing.assert_close(other.state_dict()[name], tensor, rtol=1e-3, atol=2e-5)


def replace_epochs(epochs: int) -> Training:
    return LAST_TWO.model_copy(
        update={"epochs": epochs, "select": Average(average=epochs), "learning_rate": 2e-3}
    )


def test_what_cannot_be_averaged_is_refused_in_words() -> None:
    with pytest.raises(ValidationError, match="last 4 epochs cannot be averaged: got epochs: 3"):
        Training(select={"average": 4})
    for wrong in ("bset", {"avarage": 2}, 3):
        _, problems = validate(Training, {"select": wrong})
        assert [str(one) for one in problems] == [
            f"select: expected best, last or {{average: N}}; got {wrong!r}"
        ]
    _, problems = validate(Training, {"select": {"average": 0}})
    assert [str(one) for one in problems] == ["select.average: expected at least 1, got 0"]


def test_the_choice_is_part_of_an_identity_and_the_default_is_what_it_was() -> None:
    assert Training(select={"average": 2}).model_dump(mode="json")["select"] == {"average": 2}
    assert Training().model_dump(mode="json")["select"] == "best"


def test_epochs_are_compared_by_the_score_that_a_task_is_given() -> None:
    task, dev = get_task("parsing"), {"las": 0.5, "uas": 0.7}
    assert dev_score(Training(), task, dev) == 0.5
    assert dev_score(Training(select_by={"parsing": "uas", "upos": "accuracy"}), task, dev) == 0.7
    with pytest.raises(TrainingError, match="unknown score of task parsing 'uaz'; did you mean 'uas'"):
        dev_score(Training(select_by={"parsing": "uaz"}), task, dev)
    with pytest.raises(ValidationError, match="select_by: chooses the best epoch, so select must be best"):
        Training(select="last", select_by={"parsing": "uas"})


def test_the_score_is_part_of_the_identity_where_it_is_not_the_tasks_own(
    treebanks: Path, tiny_encoder: Path
) -> None:
    def ids(**chosen: str) -> dict[str, set[str]]:
        training = Training(select_by=chosen)
        study = make_study(treebanks, tiny_encoder, tasks=["upos", "parsing"], training=training)
        plan, found = study.plan(check=False), dict[str, set[str]]()
        for fit in plan.fits:
            found.setdefault(fit.spec.task, set()).add(fit.id)
        return found

    plain, by_heads = ids(), ids(parsing="uas")
    assert ids(parsing="las", upos="accuracy") == plain
    assert by_heads["upos"] == plain["upos"]
    assert not by_heads["parsing"] & plain["parsing"]
    with pytest.raises(
        StudyError, match=r"training.select_by: unknown score of task parsing 'f1'; Known: clas, las"
    ) as said:
        ids(parsing="f1", ners="span_f1", ner="span_f1_lenient")
    assert "unknown task 'ners'; did you mean 'ner'" in str(said.value)
    assert {task: get_task(task).metrics for task in ("upos", "ner", "nli")} == {  # type: ignore[attr-defined]
        "upos": ("accuracy",),
        "ner": ("span_f1", "span_precision", "span_recall", "span_f1_lenient"),
        "nli": ("accuracy", "macro_f1"),
    }
