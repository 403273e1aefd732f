"""Records parted by columns read back as they were."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.records.columns import KEY
from layerlab.analysis.records.tidy import load_records, write_records
from layerlab.bench.programs.invented import write_results
from layerlab.errors import RecordsError
from tests.fixtures.command_line import Call


@pytest.fixture
def results(study_file: Path, tmp_path: Path) -> Path:
    """The complete results of a study with invented scores."""
    write_results(study_file, tmp_path / "results")
    return tmp_path / "results"


@pytest.mark.parametrize("by", [["target"], ["model", "seed"], ["ablation", "target", "metric"]])
def test_parted_records_are_read_back_exactly(results: Path, tmp_path: Path, by: list[str]) -> None:
    frame = load_records(results)
    frame["model"] = "google-bert/bert base=1"
    frame.loc[frame["target"] == "bb", "target"] = "nan"
    frame["seed"] = frame["seed"] + (2**63 - 2)
    folder = write_records(frame, tmp_path / "parts", by)
    again = load_records(folder)
    order = list(KEY)
    pd.testing.assert_frame_equal(
        again.sort_values(order, ignore_index=True), frame.sort_values(order, ignore_index=True)
    )
    assert len(list(folder.rglob("*.parquet"))) == len(frame[by].drop_duplicates())


def test_the_verb_parts_records_in_a_new_folder(results: Path, tmp_path: Path, call: Call) -> None:
    parts = tmp_path / "records.parquet"
    assert call("records", results, "-o", parts, "--by", "task", "--by", "source")[0] == 0
    assert (parts / "task=upos" / "source=aa").is_dir()
    assert len(load_records(parts)) == len(load_records(results)) == len(load_records(tmp_path))
    code, _, err = call("records", results, "-o", parts, "--by", "task")
    assert code == 2
    assert "holds something already" in err
    code, _, err = call("records", results, "--by", "task")
    assert code == 2
    assert "give a new one with -o" in err


def test_only_some_columns_part_records(results: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="unknown column to part records by 'value'"):
        write_records(load_records(results), tmp_path / "parts", ["value"])
    assert not (tmp_path / "parts").exists()
