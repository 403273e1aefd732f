from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.data.formats.bitext_files import read_bitexts
from layerlab.errors import DataError
from layerlab.languages.corpora.formats import to_tsv
from layerlab.languages.corpora.nli import LABELS
from layerlab.languages.corpora.tabular import write_dictionaries, write_nli, write_parallel
from layerlab.languages.corpora.treebanks import write_corpora

NAMES = ("avin", "gori", "huan")


def rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def test_parallel_sentences_are_those_of_the_treebanks(tmp_path: Path) -> None:
    write_corpora(tmp_path, NAMES, {"test": 30}, seed=2)
    (path,) = write_parallel(tmp_path, NAMES, {"test": 30}, seed=2)
    head, *table = rows(path)
    assert head == [*NAMES]
    for place, name in enumerate(NAMES):
        text = (tmp_path / name / "test.conllu").read_text(encoding="utf-8")
        expected = [line.removeprefix("# text = ") for line in text.splitlines() if line.startswith("# text")]
        assert [row[place] for row in table] == expected


def test_parallel_sentences_are_read_as_bitexts(tmp_path: Path) -> None:
    (path,) = write_parallel(tmp_path, NAMES, {"test": 10})
    bitexts = read_bitexts(path, pair_with="gori")
    assert {(bitext.source, bitext.target, len(bitext)) for bitext in bitexts} == {
        ("gori", "avin", 10),
        ("gori", "huan", 10),
    }


def test_pairs_are_written_in_parallel_with_their_labels(tmp_path: Path) -> None:
    paths = write_nli(tmp_path, NAMES, {"train": 12, "test": 9}, seed=1)
    assert [path.relative_to(tmp_path).as_posix() for path in paths[:2]] == [
        "avin/train.tsv",
        "avin/test.tsv",
    ]
    tables = [rows(path) for path in paths if path.name == "test.tsv"]
    assert tables[0][0] == ["premise", "hypothesis", "label", "pair_id", "premise_kind"]
    for first, *others in zip(*tables, strict=True):
        for other in others:
            assert other[2:] == first[2:]
    assert sorted({row[2] for row in tables[0][1:]}) == sorted(LABELS)
    assert not {row[3] for row in rows(paths[0])[1:]} & {row[3] for row in tables[0][1:]}


def test_dictionaries_of_all_pairs_and_one_table_of_concepts(tmp_path: Path) -> None:
    written = write_dictionaries(tmp_path, NAMES)
    names = {path.name for path in written}
    assert names == {"concepts.tsv", *(f"{a}-{b}.tsv" for a in NAMES for b in NAMES if a != b)}
    head, *table = rows(tmp_path / "dictionaries/concepts.tsv")
    by_concept = {row[0]: dict(zip(head, row, strict=True)) for row in table}
    assert by_concept["DET:the"]["huan"] == "_" != by_concept["DET:the"]["avin"]
    pairs = [(row["avin"], row["gori"], row["pos"]) for row in by_concept.values()]
    expected = [pair for pair in pairs if "_" not in pair]
    assert [tuple(row) for row in rows(tmp_path / "dictionaries/avin-gori.tsv")] == expected


def test_a_value_with_a_tab_is_refused() -> None:
    with pytest.raises(DataError, match="expected 2 values without tabs"):
        list(to_tsv(("a", "b"), [("x\ty", "z")]))
