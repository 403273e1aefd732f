"""Results at a URL are read as those of a folder are, also while they are being copied there."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pytest

from layerlab.analysis.records.tidy import load_records
from layerlab.analysis.stored.remote import local_of, url_of
from layerlab.bench.programs.invented import write_results
from layerlab.errors import RecordsError
from tests.fixtures.command_line import Call


@pytest.fixture
def results(study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The complete results of a study with invented scores."""
    monkeypatch.setenv("LAYERLAB_CACHE", str(tmp_path / "cache"))
    write_results(study_file, tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def url(results: Path) -> str:
    """A copy of them in an object store."""
    place = f"memory://{uuid.uuid4().hex}/study"
    fsspec.filesystem("memory").put(str(results), place, recursive=True)
    return place


def test_records_at_a_url_are_those_of_the_folder(results: Path, url: str) -> None:
    pd.testing.assert_frame_equal(load_records(url), load_records(results))
    pd.testing.assert_frame_equal(load_records(str(Path(url))), load_records(results))


def test_only_what_changed_is_fetched_and_no_weights(
    results: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = fsspec.filesystem("memory")
    fit = min((results / "fits").iterdir()).name
    memory.pipe(f"{url}/fits/{fit}/model/model.safetensors", b"weights")
    memory.pipe(f"{url}/leases/abc", b"{}")
    copy = local_of(url)
    assert not (copy / "fits" / fit / "model").exists()
    assert not (copy / "leases").exists()
    fetched: list[str] = []
    get = type(memory).get

    def counting(self: Any, there: list[str], here: list[str]) -> None:
        fetched.extend(there)
        get(self, there, here)

    monkeypatch.setattr(type(memory), "get", counting)
    assert local_of(url) == copy
    assert fetched == []
    first, second = sorted((results / "runs").iterdir())[:2]
    memory.pipe(f"{url}/runs/{first.name}/record.json", (first / "record.json").read_bytes()[:-20])
    memory.rm(f"{url}/runs/{second.name}", recursive=True)
    with pytest.warns(UserWarning, match="is left out: record.json"):
        assert load_records(url)["run_id"].nunique() == 6
    assert [Path(name).parts[-2:] for name in fetched] == [(first.name, "record.json")]


def test_a_run_that_is_not_all_there_yet_does_not_count(results: Path, url: str) -> None:
    run = min((results / "runs").iterdir()).name
    fsspec.filesystem("memory").rm(f"{url}/runs/{run}/counts.parquet")
    with pytest.warns(UserWarning, match="is left out: counts.parquet is not there"):
        assert run not in set(load_records(url)["run_id"])


def test_a_file_of_records_is_read_from_a_url(results: Path, url: str, call: Call, tmp_path: Path) -> None:
    assert call("records", url, "-o", tmp_path / "records.parquet")[0] == 0
    place = f"{url}-published/records.parquet"
    fsspec.filesystem("memory").put(str(tmp_path / "records.parquet"), place)
    again = load_records(place)
    pd.testing.assert_frame_equal(again, load_records(tmp_path / "records.parquet"))
    pd.testing.assert_frame_equal(load_records(f"{url}-published"), again)


def test_mistakes_are_said(url: str, call: Call) -> None:
    with pytest.raises(RecordsError, match="holds no results"):
        load_records(f"{url}-elsewhere")
    with pytest.raises(RecordsError, match="nosuch.*cannot be read"):
        load_records("nosuch://bucket/study")
    code, _, err = call("records", f"{url}-elsewhere")
    assert code == 2
    assert "holds no results" in err


def test_names_of_urls_are_told_from_paths() -> None:
    assert url_of(Path("gs://bucket/a/b")) == "gs://bucket/a/b"
    assert url_of("file:///tmp/x") == url_of(Path("file:///tmp/x")) == "file:///tmp/x"
    assert [url_of(name) for name in ("results", "/tmp/x", "c:/x", "./s3", "a=b")] == [None] * 5
