from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import pytest

from layerlab.analysis.records import validate_records

Rows = Callable[..., pd.DataFrame]


def run_rows(layers: str, seed: int, scores: Mapping[str, float], **other: Any) -> list[dict[str, Any]]:
    """The rows of one run: the baseline where no layers are named, else a reset of the layers."""
    row: dict[str, Any] = {"study": "s", "model": "m", "task": "upos", "source": "en", "split": "test"}
    row |= {"metric": "accuracy", "layer": None, "n": 10, "fit_id": "f", "seed": seed, "layers": layers}
    phase = other.get("phase", "before")
    if layers:
        first, last = layers.split("-")[0], layers.split("-")[-1]
        row |= {"ablation": f"reset({layers})@{phase}", "phase": phase, "intervention": "reset"}
        row |= {"first_layer": int(first), "last_layer": int(last)}
    else:
        row |= {"ablation": "none", "phase": "none", "intervention": "none"}
        row |= {"first_layer": None, "last_layer": None}
        other = {name: value for name, value in other.items() if name != "phase"}
    row |= other
    row.setdefault("run_id", "-".join(str(row[name]) for name in ("study", "model", "task", "source")))
    row["run_id"] += f"-{row['ablation']}-{seed}"
    return [row | {"target": target, "value": value} for target, value in scores.items()]


@pytest.fixture
def rows() -> Rows:
    """Make a frame of records from runs: ``(layers, seed, {target: score}, {other columns})``."""

    def make(*runs: tuple[Any, ...]) -> pd.DataFrame:
        found = [row for run in runs for row in run_rows(*run[:3], **(run[3] if len(run) > 3 else {}))]
        return validate_records(pd.DataFrame(found))

    return make
