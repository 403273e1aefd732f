"""Fixtures: ten tiny encoders that were saved and loaded."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor
from transformers import PreTrainedModel

_spec = importlib.util.spec_from_file_location(
    "architectures", Path(__file__).parents[1] / "models" / "architectures.py"
)
assert _spec is not None
assert _spec.loader is not None
architectures: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(architectures)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """checkpoint(architecture, seed=0, name="", **config changes) -> folder of a tiny encoder."""
    made: Callable[..., Path] = architectures.checkpoint_maker(tmp_path_factory.mktemp("architectures"))
    return made


@pytest.fixture(scope="session")
def tiny_config() -> Callable[..., Any]:
    """tiny_config(architecture, **changes) -> configuration."""
    made: Callable[..., Any] = architectures.tiny_config
    return made


@pytest.fixture(scope="session")
def load() -> Callable[[Path], PreTrainedModel]:
    """load(folder) -> encoder through ``from_pretrained``."""
    made: Callable[[Path], PreTrainedModel] = architectures.load
    return made


@pytest.fixture(params=architectures.ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    """Each known architecture."""
    return str(request.param)


@pytest.fixture
def model(
    architecture: str, checkpoint: Callable[..., Path], load: Callable[[Path], PreTrainedModel]
) -> PreTrainedModel:
    """A loaded tiny encoder of each architecture."""
    return load(checkpoint(architecture))


@pytest.fixture
def bert(checkpoint: Callable[..., Path], load: Callable[[Path], PreTrainedModel]) -> PreTrainedModel:
    """A loaded tiny BERT."""
    return load(checkpoint("bert"))


@pytest.fixture(scope="session")
def inputs() -> dict[str, Tensor]:
    """Two padded sentences."""
    made: dict[str, Tensor] = architectures.make_inputs()
    return made
