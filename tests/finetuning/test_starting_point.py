"""L2-SP: the pull back to the weights that a fine-tuning starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import Freeze, Reset
from layerlab.ablation.interventions.donors import Donors
from layerlab.finetuning.cohort import Member, fine_tune_together
from layerlab.finetuning.evaluation import to_device
from layerlab.finetuning.loop import Workplace, fine_tune
from layerlab.finetuning.model import TaskModel, forward_batch
from layerlab.finetuning.starting_point import StartingPoint
from layerlab.finetuning.training import Training
from layerlab.models.encoder import Encoder
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task
from layerlab.training.batching import epoch_batches
from layerlab.training.schedule import rate_factor
from layerlab.training.shortcuts.shortcut import Taken
from layerlab.training.streams import dropout_seed
from tests.fixtures.studies import make_study

Corpora = Mapping[str, EncodedCorpus]
Make = Callable[..., TaskModel]
PULLED = Training(epochs=1, learning_rate=2e-3, batch_size=8, select="last", l2_sp=0.5)


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.named_parameters()}


def test_the_gradient_is_the_strength_times_the_distance_from_the_start() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3))
    point, start = StartingPoint.of(module, 0.3), weights_of(module)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape))
    by_autograd = [
        0.3 / 2 * (parameter - start[name]).pow(2).sum() for name, parameter in module.named_parameters()
    ]
    expected = torch.autograd.grad(torch.stack(by_autograd).sum(), list(module.parameters()))
    given = [torch.randn(parameter.shape) for parameter in module.parameters()]
    for parameter, gradient in zip(module.parameters(), given, strict=True):
        parameter.grad = gradient.clone()
    point.add_gradients()
    for parameter, gradient, own in zip(module.parameters(), given, expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient + own)


def test_a_fit_is_that_of_the_objective_with_the_penalty_written_out(
    make_model: Make, upos: Task, corpora: Corpora
) -> None:
    model, other = make_model(), make_model()
    fine_tune(model, upos, corpora, PULLED, seed=0, device="cpu")
    start, train = weights_of(other.encoder), corpora["train"]
    lengths = [len(example.input_ids) for example in train.encoded.examples]
    optimizer = torch.optim.AdamW(other.parameters(), weight_decay=0.0)
    batches = epoch_batches(lengths, 8, 0, 0)
    for step, batch in enumerate(batches):
        other.train()
        optimizer.param_groups[0]["lr"] = 2e-3 * rate_factor(step, len(batches), PULLED.warmup)
        torch.manual_seed(dropout_seed(0, step, 0))
        inputs = upos.collate([train.encoded.examples[index] for index in batch], train.pad_id)
        loss = upos.loss(forward_batch(other, to_device(inputs, torch.device("cpu"))), inputs["labels"])
        penalty = sum((p - start[name]).pow(2).sum() for name, p in other.encoder.named_parameters())
        (loss / upos.n_targets(inputs) + 0.25 * penalty).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(other.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    for name, tensor in other.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor, rtol=0, atol=2e-6)


def test_layers_that_were_reset_are_pulled_to_their_fresh_weights_and_frozen_ones_are_not(
    make_model: Make, upos: Task, corpora: Corpora
) -> None:
    def distance(strength: float) -> float:
        model = make_model()
        apply([Reset("0"), Freeze("1")], Encoder(model.encoder), donors=Donors(seed=3))
        start = {name: one.detach().clone() for name, one in Encoder(model.encoder).parameters("0").items()}
        frozen = {name: one.clone() for name, one in Encoder(model.encoder).parameters("1").items()}
        fine_tune(model, upos, corpora, PULLED.model_copy(update={"l2_sp": strength}), seed=0, device="cpu")
        after = Encoder(model.encoder)
        assert all(torch.equal(one, frozen[name]) for name, one in after.parameters("1").items())
        moved = [(one - start[name]).detach() for name, one in after.parameters("0").items()]
        return sum(float(one.norm()) for one in moved)

    assert distance(20.0) < 0.8 * distance(0.0)


def test_a_resumed_fit_is_pulled_to_the_same_weights(
    make_model: Make, upos: Task, corpora: Corpora, tmp_path: Path
) -> None:
    def kill(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == 4:
            raise RuntimeError("killed in a step")

    plain, resumed, place = make_model(), make_model(), Workplace(tmp_path, seconds=0.0)
    fine_tune(plain, upos, corpora, PULLED, seed=0, device="cpu")
    with pytest.raises(RuntimeError, match="killed in a step"):
        fine_tune(make_model(), upos, corpora, PULLED, seed=0, device="cpu", workplace=place, report=kill)
    fine_tune(resumed, upos, corpora, PULLED, seed=0, device="cpu", workplace=place)
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])


def test_such_fits_are_no_cohort(make_model: Make, upos: Task, corpora: Corpora) -> None:
    members = [Member(make_model(seed=seed), taken=Taken(("cohorts",))) for seed in (0, 1)]
    fine_tune_together(members, upos, corpora, PULLED, seed=0, device="cpu")
    reason = "refused: each fit is pulled to the weights that it starts from"
    assert [one.taken.notes["cohorts"] for one in members] == [reason, reason]


def test_it_is_part_of_a_fits_identity_only_where_it_is_set(treebanks: Path, tiny_encoder: Path) -> None:
    def spec(**changes: Any) -> tuple[str, Mapping[str, Any]]:
        study = make_study(treebanks, tiny_encoder, training=Training(**changes))
        fit = study.plan(check=False).fits[0]
        return fit.id, fit.spec.training

    plain, training = spec()
    assert "l2_sp" not in training
    assert spec(l2_sp=0.0)[0] == plain
    changed, training = spec(l2_sp=0.01)
    assert changed != plain
    assert training["l2_sp"] == 0.01
