"""Malformed inputs: each is refused in a moment, by what was got, what is expected, what exists."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.fixtures.command_line import Call
from tests.fixtures.pretrainings import WORDS
from tests.malformed.checkpoints import CHECKPOINTS
from tests.malformed.corpora import CORPORA
from tests.malformed.place import PLAN, Case, Place
from tests.malformed.specs import SPECS
from tests.malformed.stores import STORES
from tests.malformed.studies import STUDIES

TABLES = {
    "study": STUDIES,
    "spec": SPECS,
    "corpus": CORPORA,
    "checkpoint": CHECKPOINTS,
    "store": STORES,
}
CASES = {f"{table}: {name}": case for table, cases in TABLES.items() for name, case in cases.items()}


@pytest.fixture(scope="module")
def whole(treebanks: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place in which nothing is broken."""
    root = tmp_path_factory.mktemp("malformed") / "whole"
    shutil.copytree(tiny_encoder, root / "encoder")
    shutil.copytree(treebanks, root / "data")
    for language, words in WORDS.items():
        lines = [" ".join((words * 3)[start : start + 7]) + " ." for start in (0, 1, 2, 3)] * 20
        (root / f"{language}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    labels = ("entailment", "neutral", "contradiction")
    pairs = "".join(f"mira {number}\tpesa {number}\t{labels[number % 3]}\n" for number in range(12))
    for language in ("en", "de"):
        for split in ("train", "dev", "test"):
            path = root / "pairs" / language / f"{split}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("premise\thypothesis\tlabel\n" + pairs, encoding="utf-8")
    rows = "".join(f"{number}\tmira {number}\tpesa {number}\n" for number in range(12))
    (root / "parallel.tsv").write_text("id\ten\tde\n" + rows, encoding="utf-8")
    return root


@pytest.fixture
def place(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A copy of it, which is the current directory."""
    shutil.copytree(whole, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Place.of(tmp_path / "place")


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 120


def test_the_place_is_whole(call: Call, place: Place) -> None:
    place.write()
    for changes in (
        [],
        ["models=[spec.yaml]"],
        ["tasks=[ner]"],
        ["tasks=[nli]", "data.root=pairs", "sources=[en]", "targets=[de]"],
    ):
        options = [word for one in changes for word in ("--set", one)]
        code, _, err = call(*PLAN, *options)
        assert code == 0, err


@pytest.mark.parametrize("name", CASES)
def test_a_malformed_input_is_refused_with_what_is_wrong(call: Call, place: Place, name: str) -> None:
    case: Case = CASES[name]
    case.break_it(place)
    place.write()
    before = set(place.root.rglob("*"))
    code, out, err = call(*case.command)
    assert code == case.status, out + err
    for word in case.said:
        assert word in err
    assert re.search(case.pattern, err)
    assert "Traceback" not in out + err
    assert "should not happen" not in err
    assert {path for path in place.root.rglob("*") if "__pycache__" not in path.parts} == before, (
        "nothing is written"
    )
