"""Dropout and attention of several members are those of each alone, draws included."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from layerlab.training import members
from layerlab.training.members import same_for_members

N_MEMBERS = 3


def drawn(*shape: int) -> Tensor:
    """Return numbers that a test may compute with, other ones for other shapes."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_members_draw_the_dropout_that_each_draws_alone(dim: int, dtype: torch.dtype) -> None:
    its = [drawn(4, 5).to(dtype) * (1 + number) for number in range(N_MEMBERS)]
    alone = []
    for one in its:
        torch.manual_seed(3)
        alone.append(functional.dropout(functional.dropout(one, 0.3), 0.2))
    torch.manual_seed(3)
    with same_for_members():
        together = torch.vmap(
            lambda one: functional.dropout(functional.dropout(one, 0.3), 0.2), in_dims=dim, randomness="same"
        )(torch.stack(its, dim))
    torch.testing.assert_close(together, torch.stack(alone), rtol=0, atol=0)


@pytest.mark.parametrize("rate", [0.0, 0.4])
@pytest.mark.parametrize("mask", ["none", "shared", "own", "two-dimensional"])
def test_members_attend_as_each_attends_alone(rate: float, mask: str) -> None:
    query, key, value = (drawn(N_MEMBERS, 2, 4, 5 + extra, 8) for extra in (0, 1, 1))
    query.requires_grad_()
    shapes = {"shared": (2, 1, 5, 6), "own": (N_MEMBERS, 2, 1, 5, 6), "two-dimensional": (5, 6)}
    allowed = None if mask == "none" else drawn(*shapes[mask]) > -0.5
    alone = []
    for number in range(N_MEMBERS):
        torch.manual_seed(3)
        its = allowed[number] if allowed is not None and mask == "own" else allowed
        alone.append(
            functional.scaled_dot_product_attention(query[number], key[number], value[number], its, rate)
        )
    expected = torch.stack(alone)
    torch.manual_seed(3)
    with same_for_members():
        found = torch.vmap(
            lambda q, k, v, m: functional.scaled_dot_product_attention(q, k, v, m, rate),
            in_dims=(0, 0, 0, 0 if mask == "own" else None),
            randomness="same",
        )(query, key, value, allowed)
    torch.testing.assert_close(found, expected)
    (grad,) = torch.autograd.grad(expected.square().sum(), query, retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(found.square().sum(), query)[0], grad)


def test_members_that_attend_one_after_the_other_draw_the_same() -> None:
    """As on a GPU, whose attention draws its dropout inside the kernel."""
    inputs = [tuple(drawn(2, 4, 5, 8) * number for _ in range(3)) for number in (1, 2)]
    alone, after = [], []
    for one in inputs:
        torch.manual_seed(3)
        alone.append(functional.scaled_dot_product_attention(one[0], one[1], one[2], dropout_p=0.4))
        after.append(torch.rand(1))
    torch.manual_seed(3)
    found = members._one_by_one([(*one, None) for one in inputs], (0.4, False, None, False))
    torch.testing.assert_close(torch.stack(found), torch.stack(alone), rtol=0, atol=0)
    assert torch.equal(torch.rand(1), after[0])


def test_what_is_the_same_for_all_members_is_computed_once() -> None:
    shared, own = drawn(4, 5), drawn(N_MEMBERS, 4, 5)
    torch.manual_seed(3)
    expected = functional.dropout(shared, 0.5) + own
    torch.manual_seed(3)
    with same_for_members():
        found = torch.vmap(lambda one: functional.dropout(shared, 0.5) + one, randomness="same")(own)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpu_draws_the_same_for_all_members(dtype: torch.dtype) -> None:
    states = drawn(N_MEMBERS, 2, 4, 64, 64).to("cuda", dtype)

    def draw(one: Tensor) -> Tensor:
        dropped = functional.dropout(one, 0.3)
        return functional.scaled_dot_product_attention(dropped, one, functional.dropout(one, 0.1), None, 0.2)

    alone = []
    for one in states:
        torch.manual_seed(3)
        alone.append(draw(one))
    torch.manual_seed(3)
    with same_for_members():
        together = torch.vmap(draw, randomness="same")(states)
    torch.testing.assert_close(together, torch.stack(alone))


@pytest.mark.parametrize("with_bias", [True, False])
def test_linear_layers_and_norms_are_those_of_each_member(with_bias: bool) -> None:
    states, weight, bias = drawn(2, 4, 5), drawn(N_MEMBERS, 6, 5), drawn(N_MEMBERS, 6)
    scale = drawn(N_MEMBERS, 6, 1)[..., 0]

    def compute(weight: Tensor, bias: Tensor, scale: Tensor) -> Tensor:
        its = bias if with_bias else None
        return functional.layer_norm(functional.linear(states, weight, its), (6,), scale, its, 1e-6)

    alone = torch.stack([compute(*one) for one in zip(weight, bias, scale, strict=True)])
    with same_for_members():
        together = torch.vmap(compute)(weight, bias, scale)
    torch.testing.assert_close(together, alone)
