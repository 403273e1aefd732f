"""Several models of one architecture as one: each parameter holds those of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from layerlab.training.members import same_for_members


@dataclass(frozen=True)
class Stack:
    """Models of one architecture, the members, whose parameters are slices of stacked ones.

    What is written to a stacked parameter shows in the members, and the other way round. The members of an
    embedding matrix lie beside each other, ``(rows, members, width)``, so that one look-up serves all; of
    every other parameter they come first, ``(members, ...)``.

    Attributes:
        models: The members.
        parameters: The stacked parameters by name.
        dims: Where the members of each are.
    """

    models: tuple[nn.Module, ...]
    parameters: Mapping[str, Tensor]
    dims: Mapping[str, int]

    @classmethod
    def of(cls, models: Sequence[nn.Module]) -> Stack:
        """Stack models; their parameters become slices.

        Raises:
            ValueError: They do not have the same parameters, or not the same ones are trained.
        """
        named = [dict(model.named_parameters()) for model in models]
        described = {
            tuple((name, p.shape, p.dtype, p.requires_grad) for name, p in one.items()) for one in named
        }
        if len(described) != 1:
            raise ValueError("the members of a stack must have the same parameters, trained and frozen ones")
        looked_up = {id(module.weight) for module in models[0].modules() if isinstance(module, nn.Embedding)}
        parameters, dims = {}, {}
        for name, first in named[0].items():
            dims[name] = dim = 1 if id(first) in looked_up else 0
            same = [one[name] for one in named]
            stacked = torch.stack([p.detach() for p in same], dim)
            for member, p in enumerate(same):
                p.grad, p.data = None, stacked.select(dim, member)
            parameters[name] = stacked.requires_grad_(first.requires_grad)
        return cls(tuple(models), parameters, dims)

    def release(self) -> None:
        """Give each member memory of its own again."""
        for model in self.models:
            for p in model.parameters():
                p.data = p.detach().clone(memory_format=torch.contiguous_format)

    def compute(self, function: Callable[[nn.Module], Tensor]) -> Tensor:
        """Return a function of each member, ``(members, ...)``; autograd knows the stacked parameters.

        ``function`` gets a model in which the parameters are those of one member, under ``torch.vmap``.
        """
        model = _Called(self.models[0], function)

        def of_member(parameters: dict[str, Tensor]) -> Tensor:
            found: Tensor = functional_call(model, {f"model.{k}": v for k, v in parameters.items()}, ())
            return found

        with same_for_members():
            computed: Tensor = torch.vmap(of_member, in_dims=(dict(self.dims),), randomness="same")(
                dict(self.parameters)
            )
        return computed

    def clip_gradients(self, max_norm: float) -> None:
        """Clip the gradient of each member to a norm, as ``clip_grad_norm_`` does for one."""
        trained = [(p.grad, self.dims[name]) for name, p in self.parameters.items() if p.grad is not None]
        norms = [
            torch.linalg.vector_norm(grad, dim=[d for d in range(grad.ndim) if d != dim])
            if grad.ndim > 1
            else grad.abs()
            for grad, dim in trained
        ]
        total = torch.linalg.vector_norm(torch.stack(norms), dim=0)
        factors = torch.clamp(max_norm / (total + 1e-6), max=1.0)
        for grad, dim in trained:
            grad.mul_(factors.view([-1 if d == dim else 1 for d in range(grad.ndim)]))

    def make_optimizer(self, members: Sequence[torch.optim.Optimizer]) -> torch.optim.Optimizer:
        """Return an AdamW that does for all members what theirs would do, from where these are."""
        names = {p: name for name, p in self.models[0].named_parameters()}
        groups = [
            {**group, "params": [self.parameters[names[p]] for p in group["params"]]}
            for group in members[0].param_groups
        ]
        optimizer = torch.optim.AdamW(groups)
        moments = [
            {name: state for name, p in model.named_parameters() if (state := one.state.get(p))}
            for model, one in zip(self.models, members, strict=True)
        ]
        for name, first in moments[0].items():
            optimizer.state[self.parameters[name]] = {
                key: torch.stack([one[name][key] for one in moments], self.dims[name])
                if value.ndim
                else value.clone()
                for key, value in first.items()
            }
        for one in members:
            one.state.clear()
        return optimizer

    def share_moments(
        self, optimizer: torch.optim.Optimizer, members: Sequence[torch.optim.Optimizer]
    ) -> None:
        """Let the members' optimisers hold slices of the moments, once there are some, for checkpoints."""
        for member, (model, one) in enumerate(zip(self.models, members, strict=True)):
            for name, p in model.named_parameters():
                state = optimizer.state.get(self.parameters[name], {})
                slices = {
                    key: value.select(self.dims[name], member) if value.ndim else value
                    for key, value in state.items()
                }
                if slices:
                    one.state[p] = slices


class _Called(nn.Module):
    """A model that computes another function than its own, so that ``functional_call`` can call it."""

    def __init__(self, model: nn.Module, function: Callable[[nn.Module], Tensor]) -> None:
        super().__init__()
        self.model = model
        self.function = function

    def forward(self) -> Tensor:
        """Return the function of the model."""
        return self.function(self.model)
