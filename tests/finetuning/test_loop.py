from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from layerlab.ablation.ablation import Timed
from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import Freeze, Reset, Scale, Selection, Unfreeze, intervention
from layerlab.ablation.interventions.donors import Donors
from layerlab.errors import TrainingError
from layerlab.finetuning.checkpoint import cpu_state, load_checkpoint
from layerlab.finetuning.evaluation import evaluate
from layerlab.finetuning.loop import FitResult, Workplace, fine_tune
from layerlab.finetuning.model import TaskModel
from layerlab.finetuning.step import make_stepper
from layerlab.finetuning.training import Training
from layerlab.models.encoder import Encoder
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task
from layerlab.training.devices import make_accelerator

Corpora = Mapping[str, EncodedCorpus]
Make = Callable[..., TaskModel]
FAST = Training(epochs=2, learning_rate=2e-3, batch_size=8)


class KilledError(Exception):
    """Stands for a kill in the middle of a step."""


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one: Mapping[str, Tensor], two: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(one[name], two[name]) for name in one)


def run(
    model: TaskModel, task: Task, corpora: Corpora, training: Training = FAST, **options: Any
) -> FitResult:
    return fine_tune(model, task, corpora, training, **{"seed": 0, **options})


def test_fine_tuning_learns_the_invented_language(make_model: Make, upos: Task, corpora: Corpora) -> None:
    model = make_model()
    result = run(model, upos, corpora, FAST.model_copy(update={"epochs": 6, "learning_rate": 5e-3}))
    losses = [entry["loss"] for entry in result.history]
    assert losses[-1] < 0.5 * losses[0]
    assert result.history[-1]["dev"]["accuracy"] > 0.8
    assert result.n_steps == 6 * 6


def test_the_kept_weights_are_those_of_the_best_epoch(make_model: Make, upos: Task, corpora: Corpora) -> None:
    model = make_model()
    result = run(model, upos, corpora, FAST.model_copy(update={"epochs": 5, "learning_rate": 0.02}))
    accuracies = [entry["dev"]["accuracy"] for entry in result.history]
    assert accuracies[result.best_epoch] == max(accuracies)
    again = {
        score.metric: score.value for score in evaluate(model, upos, corpora["dev"], torch.device("cpu"))
    }
    assert again["accuracy"] == max(accuracies)


@pytest.mark.parametrize("stop", [1, 5, 6, 7, 11])
def test_a_resumed_fit_equals_an_undisturbed_one_bit_for_bit(
    make_model: Make, upos: Task, corpora: Corpora, tmp_path: Path, stop: int
) -> None:
    during = [Timed(0.25, Freeze("embeddings,0")), Timed(0.4, Reset("2")), Timed(0.7, Unfreeze("0"))]
    donors = Donors(seed=7)
    plain = make_model()
    expected = run(plain, upos, corpora, during=during, donors=donors)

    def kill(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == stop:
            raise KilledError("in the middle of a step")

    place = Workplace(tmp_path, seconds=0.0)
    with pytest.raises(KilledError, match="in the middle"):
        run(make_model(), upos, corpora, during=during, donors=donors, workplace=place, report=kill)
    resumed = make_model()
    result = run(resumed, upos, corpora, during=during, donors=donors, workplace=place)
    assert result.resumed_at == stop - 1
    assert same(state(plain), state(resumed))
    assert [e["loss"] for e in result.history] == [e["loss"] for e in expected.history]
    assert result.receipts == expected.receipts
    assert [p.requires_grad for p in plain.parameters()] == [p.requires_grad for p in resumed.parameters()]


def test_an_interrupted_fit_leaves_a_checkpoint_of_its_last_step(
    make_model: Make, upos: Task, corpora: Corpora, tmp_path: Path
) -> None:
    plain = make_model()
    run(plain, upos, corpora)

    def interrupt(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == 3:
            signal.raise_signal(signal.SIGINT)

    place = Workplace(tmp_path, seconds=600)
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # which a process in the background lacks
    try:
        with pytest.raises(KeyboardInterrupt, match="^$"):
            run(make_model(), upos, corpora, workplace=place, report=interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    resumed = make_model()
    assert run(resumed, upos, corpora, workplace=place).resumed_at == 3
    assert same(state(plain), state(resumed))


def test_an_ablation_does_not_shift_head_or_order(make_model: Make, upos: Task, corpora: Corpora) -> None:
    plain, ablated = make_model(seed=3), make_model(seed=3)
    apply(Reset("0-1", seed=5), Encoder(ablated.encoder))
    assert same(plain.head.state_dict(), ablated.head.state_dict())
    other = make_model(seed=4)
    assert not same(plain.head.state_dict(), other.head.state_dict())


def test_frozen_parts_stay_bit_identical_under_weight_decay(
    make_model: Make, upos: Task, corpora: Corpora
) -> None:
    model = make_model()
    encoder = Encoder(model.encoder)
    apply(Freeze("embeddings,1-2"), encoder)
    frozen = {n: p.clone() for n, p in encoder.parameters("embeddings,1-2").items()}
    free = {n: p.clone() for n, p in encoder.parameters("0,3").items()}
    run(model, upos, corpora, FAST.model_copy(update={"weight_decay": 0.1, "select": "last"}))
    assert all(torch.equal(frozen[n], p) for n, p in encoder.parameters("embeddings,1-2").items())
    assert not any(torch.equal(free[n], p) for n, p in encoder.parameters("0,3").items())


def test_a_layer_frozen_half_way_stops_moving_then(make_model: Make, upos: Task, corpora: Corpora) -> None:
    model = make_model()
    seen: list[Tensor] = []

    def watch(event: dict[str, Any]) -> None:
        if event["event"] == "step":
            seen.append(Encoder(model.encoder).layers[0].state_dict()["output.dense.weight"].clone())

    training = FAST.model_copy(update={"weight_decay": 0.1})
    run(model, upos, corpora, training, during=[Timed(0.5, Freeze("0"))], report=watch)
    moved = [not torch.equal(a, b) for a, b in pairwise(seen)]
    assert moved == [True] * 5 + [False] * 6


def test_accumulation_gives_the_gradient_of_the_whole_batch(
    make_model: Make, upos: Task, corpora: Corpora
) -> None:
    models = []
    for accumulate in (1, 3):
        model = make_model(dropout=0.0)
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        model.encoder.config.attention_probs_dropout_prob = 0.0
        run(model, upos, corpora, FAST.model_copy(update={"accumulate": accumulate, "select": "last"}))
        models.append(state(model))
    for name, value in models[0].items():
        torch.testing.assert_close(models[1][name], value, atol=2e-5, rtol=1e-3)


def test_bf16_runs_and_keeps_master_weights_in_fp32(make_model: Make, upos: Task, corpora: Corpora) -> None:
    model = make_model()
    result = run(model, upos, corpora, FAST.model_copy(update={"precision": "bf16"}))
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert result.history[0]["loss"] < 3.5


def test_epochs_from_before_a_change_of_the_model_do_not_compete(
    make_model: Make, upos: Task, corpora: Corpora
) -> None:
    """Else the best epoch would quietly undo the intervention."""
    model = make_model()
    training = FAST.model_copy(update={"epochs": 6, "learning_rate": 5e-3})
    result = run(model, upos, corpora, training, during=[Timed(0.9, Scale("embeddings", 0.0))])
    assert result.best_epoch == 5
    freezing = run(make_model(), upos, corpora, training, during=[Timed(0.9, Freeze("0"))])
    accuracies = [entry["dev"]["accuracy"] for entry in freezing.history]
    assert accuracies[freezing.best_epoch] == max(accuracies)


def test_a_users_standing_intervention_that_changes_no_output_resets_no_epoch(
    make_model: Make, upos: Task, corpora: Corpora
) -> None:
    """Only what it says of itself counts, and it is put in place again when a fit goes on."""
    held: list[str] = []

    @intervention("half-rate", phases=("during",), changes_output=False)
    class HalfRate:
        layers: Selection

        def hold(self, encoder: Encoder) -> Callable[[], None]:
            held.append("held")
            parameters = encoder.parameters(self.layers).values()
            hooks: list[Any] = [torch.Tensor.register_hook(one, lambda grad: grad / 2) for one in parameters]  # type: ignore[no-untyped-call]

            def undo() -> None:
                for hook in hooks:
                    hook.remove()

            return undo

    training = FAST.model_copy(update={"epochs": 6, "learning_rate": 5e-3})
    result = run(make_model(), upos, corpora, training, during=[Timed(0.9, HalfRate("0"))])
    accuracies = [entry["dev"]["accuracy"] for entry in result.history]
    assert held == ["held"]
    assert accuracies[result.best_epoch] == max(accuracies)
    assert result.best_epoch == accuracies.index(max(accuracies)) < 5


def test_a_diverged_fit_is_an_error(make_model: Make, upos: Task, corpora: Corpora) -> None:
    training = FAST.model_copy(update={"learning_rate": 1e30, "max_grad_norm": None})
    with pytest.raises(TrainingError, match=r"diverged; try a smaller training.learning_rate \(now 1e\+30\)"):
        run(make_model(), upos, corpora, training)


def test_a_kill_while_a_checkpoint_is_replaced_loses_nothing(
    make_model: Make, upos: Task, corpora: Corpora, tmp_path: Path
) -> None:
    """A newer checkpoint that is half written is passed over."""
    place = Workplace(tmp_path, seconds=0.0)
    plain = make_model()
    run(plain, upos, corpora)

    def kill(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == 5:
            raise KilledError("in the middle of a step")

    with pytest.raises(KilledError, match="in the middle"):
        run(make_model(), upos, corpora, workplace=place, report=kill)
    (tmp_path / ".checkpoint.safetensors.part").write_bytes(b"half")
    resumed = make_model()
    assert run(resumed, upos, corpora, workplace=place).resumed_at == 4
    assert same(state(plain), state(resumed))


def test_a_fit_begun_by_version_0_1_0_goes_on_from_its_checkpoint(
    make_model: Make, upos: Task, corpora: Corpora, tmp_path: Path
) -> None:
    """It wrote a folder of several files; one that was half dropped or half written is passed over."""
    plain = make_model()
    run(plain, upos, corpora)
    begun = make_model()
    optimizer = make_stepper(begun, FAST, 0, make_accelerator("cpu"), 1).optimizer

    def kill(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == 8:
            raise KilledError("in the middle of a step")

    with pytest.raises(KilledError, match="in the middle"):
        run(begun, upos, corpora, workplace=Workplace(tmp_path, seconds=0.0), report=kill)
    restored = load_checkpoint(tmp_path, begun, optimizer)
    assert restored is not None
    position, best = restored
    assert best is not None
    (tmp_path / "checkpoint.safetensors").unlink()
    folder = tmp_path / f"checkpoint-{position.step:08d}-{position.epoch:04d}"
    folder.mkdir()
    save_file(cpu_state(begun), folder / "model.safetensors")
    torch.save(optimizer.state_dict(), folder / "optimizer.pt")
    save_file(best, folder / "best.safetensors")
    (folder / "position.json").write_text(json.dumps(asdict(position)))
    (tmp_path / "checkpoint-00000003-0000").mkdir()
    (tmp_path / "checkpoint-00000009-0001").mkdir()
    (tmp_path / "checkpoint-00000008-0001.tmp-1").mkdir()
    (tmp_path / "checkpoint-00000008-0001.tmp-1" / "position.json").write_text("{}")
    resumed = make_model()
    assert run(resumed, upos, corpora, workplace=Workplace(tmp_path, seconds=0.0)).resumed_at == 7
    assert same(state(plain), state(resumed))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_gpu_learns_what_the_cpu_learns(
    make_model: Make, upos: Task, corpora: Corpora, precision: str
) -> None:
    training = FAST.model_copy(update={"epochs": 6, "learning_rate": 5e-3, "precision": precision})
    during = [Timed(0.3, Freeze("0")), Timed(0.6, Unfreeze("0")), Timed(0.1, Reset("1"))]
    losses = []
    for device in ("cpu", "auto"):
        model = make_model()
        result = run(model, upos, corpora, training, during=during, donors=Donors(seed=1), device=device)
        losses.append(result.history[-1]["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=0.2)
