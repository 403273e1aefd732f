"""The fixtures of tests/models, and what is done with them here."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

_spec = importlib.util.spec_from_file_location(
    "models_conftest", Path(__file__).parents[1] / "models" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
shared: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shared)

architecture, bert, model = shared.architecture, shared.bert, shared.model
checkpoint, inputs, load, tiny_config = shared.checkpoint, shared.inputs, shared.load, shared.tiny_config

State = dict[str, Tensor]


@pytest.fixture(scope="session")
def state_of() -> Callable[[PreTrainedModel], State]:
    """state_of(model) -> copies of its parameters by name."""

    def copy(model: PreTrainedModel) -> State:
        return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}

    return copy


@pytest.fixture(scope="session")
def changed() -> Callable[[State, State], set[str]]:
    """changed(before, after) -> names of the parameters that are not bit-identical."""

    def compare(before: State, after: State) -> set[str]:
        assert before.keys() == after.keys()
        return {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}

    return compare


@pytest.fixture(scope="session")
def train(inputs: dict[str, Tensor]) -> Callable[..., None]:
    """train(model, optimizer, n_steps=3): takes steps on an invented regression."""

    def take(model: PreTrainedModel, optimizer: torch.optim.Optimizer, n_steps: int = 3) -> None:
        model.train()
        for step in range(n_steps):
            states = model(**inputs).last_hidden_state
            target = torch.randn(states.shape, generator=torch.Generator().manual_seed(step))
            (states - target).pow(2).mean().backward()
            optimizer.step()
            optimizer.zero_grad()

    return take
