from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.records.tidy import load_records, write_records
from layerlab.analysis.sentences.hierarchical import compare_effects
from layerlab.bench.programs.invented import write_results
from layerlab.errors import RecordsError
from layerlab.report.page import about as about_module
from layerlab.report.page.about import read_about
from layerlab.report.page.caveats import caveats

Make = Callable[..., pd.DataFrame]


@pytest.fixture
def published(synthetic: Make, tmp_path: Path) -> Path:
    """A published study's folder."""
    write_records(synthetic(n_layers=2, targets=("de",)), tmp_path / "records.csv")
    (tmp_path / "study.yaml").write_text("name: synthetic\ntraining: {learning_rate: 2e-5, bias: no}\n")
    (tmp_path / "nodes.csv").write_text("kind,seconds,source\nfit,3.5,no\n")
    return tmp_path


def test_a_published_study_has_its_settings_and_nodes(published: Path) -> None:
    for path in (published, published / "records.csv"):
        about = read_about(path, load_records(path))
        assert about.settings["training"] == {"learning_rate": 2e-5, "bias": "no"}  # as YAML 1.2 reads it
        assert about.nodes["source"].tolist() == ["no"]
        assert (about.planned, about.complete) == (None, None)


def test_a_file_beside_another_studys_settings_has_none(published: Path) -> None:
    (published / "study.yaml").write_text("name: another\n")
    about = read_about(published / "records.csv", load_records(published))
    assert about.settings == {}
    assert about.nodes.empty


def test_records_alone_have_nothing_beside_them(published: Path) -> None:
    (published / "study.yaml").unlink()
    (published / "nodes.csv").unlink()
    about = read_about(published, load_records(published))
    assert about.settings == {}
    assert about.nodes.empty


def test_settings_that_cannot_be_read_are_an_error(published: Path) -> None:
    for text, message in (
        ("a: [", "cannot read .*study.yaml"),
        ("- a\n", "cannot read .*study.yaml: a study file holds .* got a list"),
    ):
        (published / "study.yaml").write_text(text)
        with pytest.raises(RecordsError, match=message):
            read_about(published, load_records(published))


def test_a_report_says_what_it_leaves_out_for_its_size(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_results(study_file, tmp_path / "results")
    frame = load_records(tmp_path / "results")
    whole = read_about(tmp_path / "results", frame)
    assert whole.counts is not None
    assert whole.left_out == ()
    monkeypatch.setattr(about_module, "MOST_COUNTED", 7)
    about = read_about(tmp_path / "results", frame)
    assert about.counts is None
    assert "here are 8. Intervals are over seeds alone." in about.left_out[0]
    assert caveats(frame, compare_effects(frame, None), about)[0] == about.left_out[0]
