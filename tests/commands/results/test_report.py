from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.records.tidy import validate_records, write_records
from tests.fixtures.command_line import Call


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A published study of two ablations, with a target besides the source."""
    shared: dict[str, object] = {"study": "small", "model": "m", "task": "upos", "split": "test", "n": 100}
    shared |= {"metric": "accuracy", "layer": None, "source": "aa"}
    rows = []
    for seed in range(2):
        for name, layers, drop in (("none", "", 0.0), ("reset(0-1)@before", "0-1", 0.1)):
            kind, phase = ("reset", "before") if layers else ("none", "none")
            run = {"run_id": f"{name}-{seed}", "fit_id": f"{name}-{seed}", "ablation": name, "seed": seed}
            run |= {"phase": phase, "intervention": kind, "layers": layers}
            run |= {"first_layer": 0 if layers else None, "last_layer": 1 if layers else None}
            for target, value in (("aa", 0.9), ("bb", 0.6)):
                rows.append(shared | run | {"target": target, "value": value - drop - 0.01 * seed})
    write_records(validate_records(pd.DataFrame(rows)), tmp_path / "small" / "records.csv")
    return tmp_path / "small"


def test_a_report_lies_in_the_studys_folder(call: Call, results: Path) -> None:
    code, out, err = call("report", results)
    assert code == 0, err
    assert out.splitlines()[0] == str(results / "report" / "index.html")
    assert (results / "report" / "tables" / "table.tex").is_file()
    assert len(list((results / "report" / "figures").glob("*.pdf"))) == 3
    assert "<h1>small</h1>" in (results / "report" / "index.html").read_text(encoding="utf-8")


def test_a_file_of_records_and_another_folder_will_do(call: Call, results: Path, tmp_path: Path) -> None:
    code, _, err = call("report", results / "records.csv", "--output", tmp_path / "paper")
    assert code == 0, err
    assert (tmp_path / "paper" / "index.html").is_file()
    assert not (results / "report").exists()


def test_a_place_without_records_is_an_error(call: Call, tmp_path: Path) -> None:
    code, _, err = call("report", tmp_path)
    assert code == 2
    assert "holds no records" in err
