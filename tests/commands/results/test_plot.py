"""``layerlab plot`` draws the figures that are asked for, and lists those that can be."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.records.tidy import validate_records, write_records
from tests.fixtures.command_line import Call


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results directory with records of a sweep."""
    run = {"study": "s", "model": "m", "task": "upos", "source": "en", "split": "test", "metric": "accuracy"}
    rows = []
    for first in (None, 0, 1):
        ablation: dict[str, object] = {
            "ablation": "none",
            "phase": "none",
            "intervention": "none",
            "layers": "",
        }
        if first is not None:
            ablation = {"ablation": f"reset({first})@before", "phase": "before", "intervention": "reset"}
            ablation |= {"layers": str(first)}
        ablation |= {"first_layer": first, "last_layer": first, "layer": None, "n": 100, "seed": 0}
        ids = {"run_id": f"r{first}", "fit_id": "f"}
        for target, value in (("en", 0.9), ("de", 0.7)):
            rows.append(run | ablation | ids | {"target": target, "value": value - (first is not None) / 10})
    write_records(validate_records(pd.DataFrame(rows)), tmp_path / "records.csv")
    return tmp_path


def test_one_figure_is_drawn(call: Call, results: Path) -> None:
    code, out, err = call("plot", results, "--figure", "heatmap")
    assert code == 0, err
    assert out.splitlines() == [str(results / "figures" / "heatmap-upos-en-reset-before.pdf")]
    code, both, _ = call("plot", results, "--figure", "heatmap", "--png")
    assert code == 0
    assert both.splitlines() == [*out.splitlines(), out.strip().replace(".pdf", ".png")]
    assert all(Path(line).is_file() for line in both.splitlines())


def test_the_list_draws_nothing(call: Call, results: Path) -> None:
    code, out, _ = call("plot", results, "--list")
    assert code == 0
    assert "swaps" in out
    assert "no data: needs the baseline and swaps" in out
    assert not (results / "figures").exists()


def test_a_figure_that_is_not_known_is_told(call: Call, results: Path) -> None:
    code, _, err = call("plot", results, "--figure", "sensitivty")
    assert code == 2
    assert "did you mean 'sensitivity'" in err
    assert "These records have data for: sensitivity, targets, heatmap" in err
