"""Stacked parameters are those of the members, and so are clipping and AdamW."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from layerlab.training.optimizer import build_optimizer
from layerlab.training.stacked import Stack


class Reader(nn.Module):
    """An embedding and a linear layer."""

    def __init__(self, seed: int, width: int = 4) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.pieces = nn.Embedding(10, width, padding_idx=0)
        self.linear = nn.Linear(width, 3)

    def forward(self, ids: Tensor) -> Tensor:
        out: Tensor = self.linear(self.pieces(ids))
        return out


IDS = torch.tensor([[1, 2, 0], [3, 1, 9]])


def loss_of(model: nn.Module) -> Tensor:
    return torch.as_tensor(model(IDS)).square().sum()


def test_parameters_are_slices_until_they_are_released() -> None:
    models = [Reader(seed) for seed in range(3)]
    expected = torch.stack([loss_of(model) for model in models])
    stack = Stack.of(models)
    assert stack.parameters["pieces.weight"].shape == (10, 3, 4)
    assert stack.parameters["linear.weight"].shape == (3, 3, 4)
    torch.testing.assert_close(stack.compute(loss_of), expected)
    with torch.no_grad():
        stack.parameters["linear.bias"][1] = 7.0
    assert models[1].linear.bias.tolist() == [7.0] * 3
    models[2].load_state_dict(models[1].state_dict())
    assert torch.equal(stack.parameters["pieces.weight"][:, 2], stack.parameters["pieces.weight"][:, 1])
    stack.release()
    with torch.no_grad():
        stack.parameters["linear.bias"][1] = 8.0
    assert models[1].linear.bias.tolist() == [7.0] * 3
    assert models[1].pieces.weight.is_contiguous()


@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_steps_are_those_of_each_member(max_norm: float) -> None:
    """Also from the middle on: what one optimiser did goes on in another."""
    alone, models = [[Reader(seed) for seed in range(3)] for _ in range(2)]
    plain = [build_optimizer([(model, 0.1)], 0.3) for model in alone]
    for model, one in zip(alone, plain, strict=True):
        for _ in range(4):
            loss_of(model).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), max_norm)
            one.step()
            one.zero_grad()
    optimizers = [build_optimizer([(model, 0.1)], 0.3) for model in models]
    for n_steps in (1, 3):
        stack = Stack.of(models)
        together = stack.make_optimizer(optimizers)
        for _ in range(n_steps):
            stack.compute(loss_of).sum().backward()  # type: ignore[no-untyped-call]
            stack.clip_gradients(max_norm)
            together.step()
            together.zero_grad()
        stack.share_moments(together, optimizers)
        stack.release()
    for model, other, one, its in zip(alone, models, plain, optimizers, strict=True):
        for p, q in zip(model.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(q, p)
            torch.testing.assert_close(its.state[q]["exp_avg_sq"], one.state[p]["exp_avg_sq"])
            assert float(its.state[q]["step"]) == 4.0


def test_models_of_other_shapes_or_with_other_frozen_parts_are_no_stack() -> None:
    with pytest.raises(ValueError, match="the same parameters, trained and frozen ones"):
        Stack.of([Reader(0), Reader(1, width=5)])
    frozen = Reader(1)
    frozen.linear.bias.requires_grad_(False)
    with pytest.raises(ValueError, match="the same parameters, trained and frozen ones"):
        Stack.of([Reader(0), frozen])
