from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def fit(tiny_encoder: Path, tmp_path: Path) -> Path:
    """The folder of a fit in a results directory, named by its id."""
    folder = tmp_path / "0123abcd"
    shutil.copytree(tiny_encoder, folder / "model")
    return folder
