from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from layerlab.analysis.stored.made import digest_inputs, made_of, note_made


@pytest.fixture
def store(tmp_path: Path) -> Path:
    manifest = {"study": "s", "nodes": {"fit": ["f1"], "run": ["r1", "r2"]}, "imports": ["json"]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "study.yaml").write_text("name: s\n")
    (tmp_path / "runs" / "r1").mkdir(parents=True)
    (tmp_path / "runs" / "r1" / "record.json").write_text("{}")
    (tmp_path / "records.csv").write_text("a\n")
    return tmp_path


def test_what_was_made_is_known_while_its_inputs_are_the_same(store: Path) -> None:
    inputs = digest_inputs(store)
    assert made_of(store, "frames", inputs) == []
    note_made(store, "frames", inputs, [store / "records.csv"])
    assert made_of(store, "frames", digest_inputs(store)) == [store / "records.csv"]
    assert made_of(store, "report", inputs) == []
    (store / "records.csv").unlink()
    assert made_of(store, "frames", inputs) == []


def test_what_is_not_made_any_more_goes_unless_it_was_changed(store: Path) -> None:
    figures = [store / f"{name}.pdf" for name in ("stays", "goes", "edited")]
    for path in figures:
        path.write_text(path.stem)
    other = store / "own.pdf"
    other.write_text("a user's")
    note_made(store, "report", "before", figures)
    figures[2].write_text("by a user")
    note_made(store, "report", "after", figures[:1])
    assert sorted(path.name for path in store.glob("*.pdf")) == ["edited.pdf", "own.pdf", "stays.pdf"]
    assert made_of(store, "report", "after") == figures[:1]


def test_a_note_removes_nothing_outside_of_its_directory(store: Path) -> None:
    outside = store.parent / "outside.txt"
    outside.write_text("12")
    note = {"report": {"inputs": "x", "files": {"../outside.txt": 2, str(outside): 2}}}
    (store / "made.json").write_text(json.dumps(note))
    note_made(store, "report", "y", [])
    assert outside.exists()


def change_study(store: Path) -> None:
    (store / "study.yaml").write_text("name: s\ndescription: why\n")


def complete_another_run(store: Path) -> None:
    (store / "runs" / "r2").mkdir()
    (store / "runs" / "r2" / "record.json").write_text("{}")


def compute_a_run_anew(store: Path) -> None:
    os.utime(store / "runs" / "r1" / "record.json", ns=(1, 1))


@pytest.mark.parametrize("change", [change_study, complete_another_run, compute_a_run_anew])
def test_changed_inputs_have_another_digest(store: Path, change: object) -> None:
    before = digest_inputs(store)
    assert callable(change)
    change(store)
    assert digest_inputs(store) != before


def test_a_damaged_note_is_no_note(store: Path) -> None:
    (store / "made.json").write_text('{"frames": ')
    inputs = digest_inputs(store)
    assert made_of(store, "frames", inputs) == []
    note_made(store, "frames", inputs, [store / "records.csv"])
    assert made_of(store, "frames", inputs) == [store / "records.csv"]
