"""A step in parts is the step of the whole; the schedule and the groups are those of both trainings."""

from __future__ import annotations

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from layerlab.training.devices import make_accelerator
from layerlab.training.optimizer import build_optimizer
from layerlab.training.schedule import linear_rate, rate_factor
from layerlab.training.step import PartLoss, Stepper

INPUTS, TARGETS = torch.linspace(-1, 1, 24).reshape(8, 3), torch.linspace(0, 1, 8)


@pytest.fixture(scope="module")
def accelerator() -> Accelerator:
    return make_accelerator("cpu")


def make_model(dropout: float = 0.0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), nn.Dropout(dropout), nn.LayerNorm(4), nn.Linear(4, 1))


def make_stepper(model: nn.Module, accelerator: Accelerator, accumulate: int) -> Stepper:
    optimizer = build_optimizer(((model, 0.1),), weight_decay=0.1)
    return Stepper(
        model,
        optimizer,
        accelerator,
        accumulate,
        rate=lambda peak, step: linear_rate(peak, step, 4, 1),
        dropout_seed=lambda step, part: 100 * step + part,
        max_grad_norm=1.0,
    )


def take(stepper: Stepper, step: int) -> float:
    def loss_of_part(model: nn.Module, part: int) -> PartLoss | None:
        inputs, targets = INPUTS[part :: stepper.n_parts], TARGETS[part :: stepper.n_parts]
        if not len(inputs):
            return None
        loss: Tensor = (model(inputs).squeeze(1) - targets).square().sum()
        return PartLoss(loss / len(INPUTS), loss)

    return stepper.take(loss_of_part, step)


@pytest.mark.parametrize("parts", [2, 3, 11])
def test_a_step_in_parts_is_the_step_of_the_whole(accelerator: Accelerator, parts: int) -> None:
    """Also in more parts than there are examples."""
    whole, cut = make_model(), make_model()
    one, other = make_stepper(whole, accelerator, 1), make_stepper(cut, accelerator, parts)
    for step in range(3):
        assert take(other, step) == pytest.approx(take(one, step), rel=1e-5)
    for mine, theirs in zip(whole.parameters(), cut.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_dropout_depends_on_step_and_part_alone(accelerator: Accelerator) -> None:
    losses = []
    for disturbance in (0, 7):
        stepper = make_stepper(make_model(dropout=0.5), accelerator, 2)
        torch.manual_seed(disturbance)
        losses.append([take(stepper, step) for step in range(3)])
    assert losses[0] == losses[1]


def test_matrices_decay_and_vectors_do_not() -> None:
    model = make_model()
    optimizer = build_optimizer(((model[0], 0.1), (model[3], 0.2)), weight_decay=0.3)  # type: ignore[index]
    groups = [(group["peak_lr"], group["weight_decay"]) for group in optimizer.param_groups]
    assert groups == [(0.1, 0.3), (0.1, 0.0), (0.2, 0.3), (0.2, 0.0)]
    assert [parameter.ndim for group in optimizer.param_groups for parameter in group["params"]] == [2, 1] * 2


def test_the_rate_rises_to_the_peak_and_falls_to_nearly_zero() -> None:
    factors = [rate_factor(step, 100, 0.1) for step in range(100)]
    assert factors[:10] == sorted(factors[:10])
    assert factors[9:] == sorted(factors[9:], reverse=True)
    assert max(factors) == 1.0
    assert 0 < factors[-1] <= 0.02


def test_without_warm_up_the_first_step_has_the_peak_rate() -> None:
    assert rate_factor(0, 10, 0.0) == 1.0
    assert linear_rate(0.5, 0, 10, 0) == 0.5
