"""Small studies on the invented treebanks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layerlab.ablation.ablation import Ablation, sweep
from layerlab.ablation.interventions import Reset
from layerlab.study.study import Study


@pytest.fixture
def study(treebanks: Path, tiny_encoder: Path) -> Study:
    """Baseline, RANDOM-INIT of pairs and rewind of layer 0; two seeds: 8 runs over 6 fits."""
    return make_study(treebanks, tiny_encoder)


@pytest.fixture
def study_file(study: Study, tmp_path: Path) -> Path:
    """The same study as a YAML file."""
    path = tmp_path / "study.yaml"
    path.write_text(study.to_yaml(), encoding="utf-8")
    return path


def make_study(treebanks: Path, tiny_encoder: Path, **changes: Any) -> Study:
    """Build the small study with changes."""
    fields: dict[str, Any] = {
        "name": "small",
        "models": [str(tiny_encoder)],
        "tasks": ["upos"],
        "data": {"root": str(treebanks)},
        "sources": ["aa"],
        "targets": ["aa", "bb", "cc"],
        "seeds": [0, 1],
        "ablations": [
            Ablation.none(),
            *sweep("before", Reset, windows=2),
            Ablation(name="rewind", after=(Reset("0", to="pretrained"),)),
        ],
        "training": {"epochs": 2, "learning_rate": 1e-3, "batch_size": 8},
    }
    return Study.model_validate({**fields, **changes})
