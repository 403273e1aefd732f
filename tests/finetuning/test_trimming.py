"""A fit whose embeddings are trimmed gives what the plain one gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from layerlab.ablation.ablation import Timed
from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import Freeze, Rate, Reset, Unfreeze
from layerlab.ablation.interventions.donors import Donors
from layerlab.errors import TrainingError
from layerlab.finetuning.loop import FitResult, Workplace, fine_tune
from layerlab.finetuning.model import TaskModel, build_task_model
from layerlab.finetuning.training import Training
from layerlab.models.encoder import Encoder
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task
from layerlab.training.schedule import rate_factor
from layerlab.training.shortcuts.shortcut import Taken

Corpora = Mapping[str, EncodedCorpus]
Make = Callable[..., TaskModel]
TRAINING = Training(epochs=3, learning_rate=2e-3, batch_size=8, weight_decay=0.1)
N_PIECES, SPREAD = 600, 5
ALLOWED = ("trimming",)


class KilledError(Exception):
    """Stands for a kill in the middle of a step."""


@pytest.fixture(scope="module")
def spread(corpora: Corpora) -> dict[str, EncodedCorpus]:
    """The invented corpora, their pieces spread over a large vocabulary."""

    def change(corpus: EncodedCorpus) -> EncodedCorpus:
        examples = tuple(
            replace(example, input_ids=tuple(SPREAD * piece for piece in example.input_ids))
            for example in corpus.encoded.examples
        )
        return replace(corpus, encoded=replace(corpus.encoded, examples=examples))

    return {split: change(corpus) for split, corpus in corpora.items()}


@pytest.fixture(scope="module")
def make(checkpoint: Callable[..., Path], upos: Task, spread: Corpora) -> Make:
    """make(architecture) -> a task model with 600 pieces."""

    def build(architecture: str = "bert") -> TaskModel:
        folder = checkpoint(architecture, name="-many", vocab_size=N_PIECES)
        encoder = Encoder.from_pretrained(str(folder))
        return build_task_model(encoder, upos, len(spread["train"].labels), 0.1, seed=0)

    return build


def matrix(model: TaskModel) -> Tensor:
    return model.encoder.get_input_embeddings().weight.detach().clone()  # type: ignore[operator]


def fit(
    model: TaskModel, task: Task, corpora: Corpora, allowed: tuple[str, ...] = (), **options: Any
) -> tuple[FitResult, Taken]:
    taken = Taken(allowed)
    training = options.pop("training", TRAINING)
    return fine_tune(model, task, corpora, training, **{"seed": 0, "taken": taken, **options}), taken


def untouched(corpora: Corpora) -> Tensor:
    """Return the rows of no example."""
    found = {0, 1, 2} | {
        piece
        for corpus in corpora.values()
        for example in corpus.encoded.examples
        for piece in example.input_ids
    }
    return torch.tensor(sorted(set(range(N_PIECES)) - found))


def assert_alike(one: tuple[FitResult, TaskModel], two: tuple[FitResult, TaskModel]) -> None:
    """Same losses and weights within float32 rounding, same scores, same receipts but for digests."""
    for plain, other in zip(one[0].history, two[0].history, strict=True):
        assert other["loss"] == pytest.approx(plain["loss"], rel=1e-5)
        assert other["dev"] == plain["dev"]
    assert one[0].best_epoch == two[0].best_epoch
    undigested = [
        [{key: value for key, value in receipt.items() if "digest" not in key} for receipt in result.receipts]
        for result, _ in (one, two)
    ]
    assert undigested[0] == undigested[1]
    states = [model.state_dict() for _, model in (one, two)]
    assert states[0].keys() == states[1].keys()
    for name, tensor in states[0].items():
        torch.testing.assert_close({name: states[1][name]}, {name: tensor}, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta", "modernbert", "eurobert"])
def test_a_trimmed_fit_equals_the_plain_one(
    make: Make, upos: Task, spread: Corpora, architecture: str
) -> None:
    plain, other = make(architecture), make(architecture)
    expected, _ = fit(plain, upos, spread)
    result, taken = fit(other, upos, spread, ALLOWED)
    assert taken.notes["trimming"].endswith(" of 600 rows")
    assert_alike((expected, plain), (result, other))


@pytest.mark.parametrize("select", ["best", "last"])
def test_untouched_rows_change_by_weight_decay_in_closed_form(
    make: Make, upos: Task, spread: Corpora, select: str
) -> None:
    training = TRAINING.model_copy(update={"select": select, "learning_rate": 0.02})
    plain, other = make(), make()
    rows, before = untouched(spread), matrix(other)
    fit(plain, upos, spread, training=training)
    result, _ = fit(other, upos, spread, ALLOWED, training=training)
    n_steps = result.n_steps * (result.best_epoch + 1) // training.epochs
    factor = 1.0
    for step in range(n_steps):
        factor *= 1 - 0.02 * rate_factor(step, result.n_steps, training.warmup) * training.weight_decay
    assert factor < 0.99
    torch.testing.assert_close(matrix(other)[rows], before[rows] * factor, rtol=1e-6, atol=0)
    # The plain way rounds once a step.
    torch.testing.assert_close(matrix(plain)[rows], matrix(other)[rows], rtol=n_steps * 2**-23, atol=0)


def test_without_weight_decay_untouched_rows_stay_bit_for_bit(
    make: Make, upos: Task, spread: Corpora
) -> None:
    model = make()
    rows, before = untouched(spread), matrix(model)
    fit(model, upos, spread, ALLOWED, training=TRAINING.model_copy(update={"weight_decay": 0.0}))
    assert torch.equal(matrix(model)[rows], before[rows])
    assert not torch.equal(matrix(model), before)


def test_a_fit_that_is_pulled_to_its_start_is_trimmed_where_its_rows_do_not_decay(
    make: Make, upos: Task, spread: Corpora
) -> None:
    training = TRAINING.model_copy(update={"epochs": 1, "l2_sp": 1.0, "weight_decay": 0.0})
    plain, other = make(), make()
    expected, _ = fit(plain, upos, spread, training=training)
    result, taken = fit(other, upos, spread, ALLOWED, training=training)
    assert taken.notes["trimming"].endswith(" of 600 rows")
    assert_alike((expected, plain), (result, other))
    decaying = training.model_copy(update={"weight_decay": 0.1})
    _, taken = fit(make(), upos, spread, ALLOWED, training=decaying)
    assert taken.notes["trimming"] == "refused: rows that decay are pulled back to where they began"


def test_frozen_embeddings_come_back_bit_for_bit(make: Make, upos: Task, spread: Corpora) -> None:
    model = make()
    apply(Freeze("embeddings"), Encoder(model.encoder))
    before = matrix(model)
    _, taken = fit(model, upos, spread, ALLOWED)
    assert "rows" in taken.notes["trimming"]
    assert torch.equal(matrix(model), before)


def test_decay_is_that_of_the_embeddings_rate(make: Make, upos: Task, spread: Corpora) -> None:
    plain, other = make(), make()
    during, results = [Timed(0.5, Rate("embeddings,0", factor=0.5))], []
    for model, allowed in ((plain, ()), (other, ALLOWED)):
        apply(Rate("embeddings", factor=8.0), Encoder(model.encoder))
        results.append(fit(model, upos, spread, allowed, during=during)[0])
    assert_alike((results[0], plain), (results[1], other))


def test_decay_stops_while_the_embeddings_are_frozen(make: Make, upos: Task, spread: Corpora) -> None:
    during = [Timed(0.3, Freeze("embeddings,0")), Timed(0.6, Unfreeze("embeddings")), Timed(0.7, Reset("2"))]
    plain, other = make("xlm-roberta"), make("xlm-roberta")
    expected, _ = fit(plain, upos, spread, during=during, donors=Donors(seed=7))
    result, taken = fit(other, upos, spread, ALLOWED, during=during, donors=Donors(seed=7))
    assert "rows" in taken.notes["trimming"]
    assert_alike((expected, plain), (result, other))


def killed_and_resumed(
    make: Make, task: Task, corpora: Corpora, folder: Path, ways: tuple[tuple[str, ...], ...], **options: Any
) -> tuple[FitResult, TaskModel, Taken]:
    """Begin a fit with the first way's shortcuts, kill it in step 11, and go on with the second's."""

    def kill(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == 11:
            raise KilledError("in the middle of a step")

    place = Workplace(folder, seconds=0.0)
    with pytest.raises(KilledError, match="in the middle"):
        fit(make(), task, corpora, ways[0], workplace=place, report=kill, **options)
    model = make()
    result, taken = fit(model, task, corpora, ways[1], workplace=place, **options)
    assert result.resumed_at == 10
    return result, model, taken


@pytest.mark.parametrize("now", [ALLOWED, ()])
def test_a_trimmed_fit_goes_on_trimmed_whatever_is_switched_on(
    make: Make, upos: Task, spread: Corpora, tmp_path: Path, now: tuple[str, ...]
) -> None:
    during = [Timed(0.2, Freeze("embeddings")), Timed(0.4, Unfreeze("embeddings"))]
    options: dict[str, Any] = {"during": during, "training": TRAINING.model_copy(update={"select": "last"})}
    undisturbed = make()
    expected, _ = fit(undisturbed, upos, spread, ALLOWED, **options)
    result, model, taken = killed_and_resumed(make, upos, spread, tmp_path, (ALLOWED, now), **options)
    assert "rows" in taken.notes["trimming"]
    assert [entry["loss"] for entry in result.history] == [entry["loss"] for entry in expected.history]
    assert result.receipts == expected.receipts
    for name, tensor in undisturbed.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


def test_a_plain_fit_goes_on_plainly(make: Make, upos: Task, spread: Corpora, tmp_path: Path) -> None:
    undisturbed = make()
    fit(undisturbed, upos, spread)
    _, model, taken = killed_and_resumed(make, upos, spread, tmp_path, ((), ALLOWED))
    assert taken.notes == {"trimming": "refused: the fit was begun without it"}
    for name, tensor in undisturbed.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


def test_a_checkpoint_holds_the_touched_rows_alone(
    make: Make, upos: Task, spread: Corpora, tmp_path: Path
) -> None:
    fit(make(), upos, spread, ALLOWED, workplace=Workplace(tmp_path, seconds=0.0))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]
    n_rows = N_PIECES - len(untouched(spread))
    with safe_open(tmp_path / "checkpoint.safetensors", framework="pt") as file:
        shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    held = {key: shape for key, shape in shapes.items() if "word_embeddings" in key}
    assert {shape[0] for shape in held.values() if shape} == {n_rows}
    assert {"trimming.rows", "best.encoder.embeddings.word_embeddings.weight"} <= shapes.keys()


def test_a_piece_that_no_example_has_is_an_error(make: Make, spread: Corpora, upos: Task) -> None:
    class Other:
        """A task whose batches hold pieces that its examples do not."""

        def __getattr__(self, name: str) -> Any:
            return getattr(upos, name)

        def collate(self, examples: Any, pad_id: int) -> Any:
            batch = upos.collate(examples, pad_id)
            batch["input_ids"][0, 0] = 599
            return batch

    model = make()
    before = matrix(model)
    with pytest.raises(TrainingError, match=r"piece 599, .* run with --shortcuts=-trimming"):
        fit(model, Other(), spread, ALLOWED)
    assert matrix(model).shape == before.shape
