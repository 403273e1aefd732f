"""Loads the check of Universal Dependencies, which is no test and no part of the package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

_spec = importlib.util.spec_from_file_location("ud_validity", Path(__file__).with_name("ud_validity.py"))
assert _spec is not None
assert _spec.loader is not None
_ud_validity: Any = importlib.util.module_from_spec(_spec)
sys.modules["ud_validity"] = _ud_validity
_spec.loader.exec_module(_ud_validity)


@pytest.fixture(scope="session")
def ud() -> Any:
    """The module ``ud_validity``."""
    return _ud_validity
