"""Fused steps are AdamW's steps within float32 rounding, and go on from plain ones."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from layerlab.training.optimizer import build_optimizer
from layerlab.training.shortcuts.fused_steps import FusedSteps, set_fused


def train(model: nn.Module, optimizer: torch.optim.Optimizer, n_steps: int, seed: int) -> None:
    stream = torch.Generator().manual_seed(seed)
    for _ in range(n_steps):
        model(torch.randn(8, 16, generator=stream)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()


def weights(model: nn.Module) -> list[Tensor]:
    return [parameter.detach() for parameter in model.parameters()]


@pytest.mark.parametrize("from_step", [0, 3])
def test_fused_steps_give_the_weights_of_plain_ones(from_step: int) -> None:
    plain = nn.Sequential(nn.Linear(16, 32), nn.LayerNorm(32), nn.Linear(32, 4))
    other = copy.deepcopy(plain)
    for model, fused in ((plain, False), (other, True)):
        optimizer = build_optimizer([(model, 1e-2)], weight_decay=0.1)
        train(model, optimizer, from_step, seed=0)
        set_fused(optimizer, fused)
        train(model, optimizer, 5, seed=1)
    torch.testing.assert_close(weights(other), weights(plain), rtol=1e-4, atol=1e-5)
    assert not all(torch.equal(one, two) for one, two in zip(weights(other), weights(plain), strict=True))


def test_a_gpu_has_no_need() -> None:
    assert FusedSteps().refuses(torch.device("cuda")) == "the steps of all parameters are few kernels already"
