"""A results directory that was written before nodes were one idea is read, resumed and reported.

``old_store.tar.xz`` holds a study that version 0.1.0 carried out and that was killed in the middle of a fit,
and ``records.csv``, which the same version wrote for the whole study.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.records.tidy import load_nodes, load_records
from layerlab.analysis.sentences.counts import load_counts
from layerlab.nodes.jobs import read_node
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.store.store import Store
from layerlab.report.page.study_report import report_on
from layerlab.study.directory.status import Count, read_status
from layerlab.study.study import Study

KEY = ["run_id", "target", "metric", "layer"]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the study and its results; the current directory, as in the study file."""
    with tarfile.open(Path(__file__).with_name("old_store.tar.xz")) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path / "old_store")
    return tmp_path / "old_store"


def test_an_old_store_is_read(old: Path) -> None:
    frame, nodes = load_records(old / "results"), load_nodes(old / "results")
    assert frame["run_id"].nunique() == len(list((old / "results" / "runs").iterdir()))
    assert set(nodes["kind"]) == {"pretraining", "fit", "run"}
    fits = nodes[nodes["kind"] == "fit"]
    assert (fits["fit_id"] == fits["id"]).all()
    expected = load_records(old / "records.csv").set_index(KEY)["value"]
    found = frame.set_index(KEY)["value"]
    pd.testing.assert_series_equal(found, expected.loc[found.index], rtol=1e-6)
    assert set(frame[frame["main"]]["metric"]) == {"accuracy"}
    assert set(frame["sweep"]) == {"", "reset@before", "reset(to=pretrained)@after"}
    assert len(load_counts(old / "results")) > 0
    store = Store(old / "results")
    for path in (old / "results" / "jobs").glob("*.json"):
        item = read_node(store, path.stem)
        assert item.id == path.stem


def test_an_old_store_is_resumed_and_nothing_complete_is_done_again(old: Path) -> None:
    """Also the fit that was killed in the middle goes on from its checkpoint."""
    plan = Study.from_yaml(old / "study.yaml").plan()
    store = Store(old / "results")
    before = read_status(plan, store)
    assert before.count("pretraining") == Count(1, 1)
    assert 0 < before.count("fit").done < before.count("fit").total == 10
    (begun,) = (path.name for path in (old / "results" / "work").iterdir())
    written = {path: path.stat().st_mtime_ns for path in (old / "results").glob("*s/*/record.json")}
    outcome = plan.run(old / "results", workers=0, device="cpu", progress=False)
    assert outcome.good, outcome.status.failures
    assert {path: path.stat().st_mtime_ns for path in written} == written
    nodes = load_nodes(old / "results").set_index("id")
    assert nodes.loc[begun, "resumed_at"] == 3
    assert isinstance(read_node(store, begun), Fit)
    expected = load_records(old / "records.csv").set_index(KEY)["value"].sort_index()
    found = load_records(old / "results").set_index(KEY)["value"].sort_index()
    assert list(found.index) == list(expected.index)
    # Another processor rounds differently, and words of a tiny model may then change sides.
    assert found.to_numpy() == pytest.approx(expected.to_numpy(), abs=0.06)


def test_an_old_store_is_reported(old: Path) -> None:
    written = [Path(path).name for path in report_on(old / "results", old / "out")]
    assert "index.html" in written
