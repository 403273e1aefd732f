from __future__ import annotations

import time
from pathlib import Path

import pytest

from layerlab.data.formats.conllu import read_conllu
from layerlab.data.formats.iob import read_iob
from layerlab.data.tags import TagOptions
from layerlab.errors import DataError
from layerlab.languages.corpora.generate import generate
from layerlab.languages.corpora.treebanks import read_controlled, write_corpora

SIZES = {"train": 40, "dev": 10, "test": 20}


def test_two_runs_with_one_seed_are_byte_identical(tmp_path: Path) -> None:
    first = write_corpora(tmp_path / "a", ("ciro", "huan"), SIZES, 60, seed=3)
    second = write_corpora(tmp_path / "b", ("ciro", "huan"), SIZES, 60, seed=3)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    other = write_corpora(tmp_path / "c", ("ciro", "huan"), SIZES, 60, seed=4)
    assert all(path.read_bytes() != its.read_bytes() for path, its in zip(first, other, strict=True))


def test_the_layout_is_one_folder_a_language_and_one_text_a_language(tmp_path: Path) -> None:
    written = write_corpora(tmp_path, ("avin",), {"test": 5}, 10)
    assert [str(path.relative_to(tmp_path)) for path in written] == [
        "avin/test.conllu",
        "avin/test.iob2",
        "avin.txt",
    ]


@pytest.mark.parametrize("name", ["avin", "gori", "huan"])
def test_the_readers_give_back_what_was_generated(tmp_path: Path, name: str) -> None:
    write_corpora(tmp_path, (name,), SIZES, seed=1)
    expected = list(generate(name, 20, "1-test"))
    trees = read_conllu(tmp_path / name / "test.conllu")
    entities, _ = read_iob(tmp_path / name / "test.iob2", TagOptions())
    for sentence, tree, tagged in zip(expected, trees, entities, strict=True):
        assert (tree.words, tree.upos, tree.heads) == (sentence.words, sentence.upos, sentence.heads)
        assert (tree.relations, tree.sent_id) == (sentence.relations, sentence.sent_id)
        assert (tagged.words, tagged.entities) == (sentence.words, sentence.entities)
        assert tagged.sent_id == sentence.sent_id


def test_test_is_parallel_and_train_and_text_are_not(tmp_path: Path) -> None:
    write_corpora(tmp_path, ("avin", "belo"), SIZES)
    ids = {
        (name, split): {s.sent_id for s in read_conllu(tmp_path / name / f"{split}.conllu")}
        for name in ("avin", "belo")
        for split in SIZES
    }
    assert ids["avin", "test"] == ids["belo", "test"]
    assert not ids["avin", "train"] & ids["belo", "train"]
    write_corpora(tmp_path / "all", ("avin", "belo"), SIZES, parallel=SIZES)
    same = [{s.sent_id for s in read_conllu(tmp_path / "all" / n / "train.conllu")} for n in ("avin", "belo")]
    assert same[0] == same[1]


def test_text_is_documents_one_a_line_spaced_as_the_script_is(tmp_path: Path) -> None:
    write_corpora(tmp_path, ("avin", "huan"), {}, 50)
    spaced, unspaced = ((tmp_path / f"{name}.txt").read_text(encoding="utf-8") for name in ("avin", "huan"))
    assert 50 <= spaced.count(".") + spaced.count("?") <= 58
    assert all(4 <= line.count(".") + line.count("?") <= 8 for line in spaced.splitlines())
    assert " ." not in spaced
    assert " " not in unspaced


def test_spaces_between_words_give_the_text_of_the_comment(tmp_path: Path) -> None:
    write_corpora(tmp_path, ("dako", "huan"), {"dev": 15})
    for name in ("dako", "huan"):
        for block in (tmp_path / name / "dev.conllu").read_text(encoding="utf-8").strip().split("\n\n"):
            lines = block.split("\n")
            rows = [line.split("\t") for line in lines if not line.startswith("#")]
            text = "".join(row[1] + ("" if row[9] == "SpaceAfter=No" else " ") for row in rows)
            assert lines[1] == f"# text = {text.strip()}"


@pytest.mark.parametrize(
    ("languages", "sizes", "message"),
    [
        (("avinn",), {"test": 1}, "unknown controlled language 'avinn'; did you mean 'avin'"),
        (("avin",), {"tset": 1}, "unknown split 'tset'; did you mean 'test'"),
        (("avin",), {"test": -1}, "got -1 sentences of test"),
    ],
)
def test_what_cannot_be_written_is_told_and_nothing_is_written(
    tmp_path: Path, languages: tuple[str, ...], sizes: dict[str, int], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        write_corpora(tmp_path / "new", languages, sizes)
    assert not (tmp_path / "new").exists()


def test_domains_are_written_beside_the_plain_corpora_without_changing_them(tmp_path: Path) -> None:
    plain = write_corpora(tmp_path / "a", ("avin",), SIZES, 20)
    write_corpora(tmp_path / "b", ("avin",), SIZES, 20, domains=("news", "talk"))
    for path in plain:
        assert (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes() == path.read_bytes()
    assert len(read_conllu(tmp_path / "b/avin-news/train.conllu")) == SIZES["train"]
    assert (tmp_path / "b/avin-talk.txt").is_file()


@pytest.mark.parametrize("name", ["avin", "avin-news", "huan"])
def test_what_is_read_without_files_is_what_would_be_written(tmp_path: Path, name: str) -> None:
    write_corpora(tmp_path, ("avin", "huan"), SIZES, seed=4, domains=("news",))
    for split, size in SIZES.items():
        written = read_conllu(tmp_path / name / f"{split}.conllu")
        made = read_controlled(name, split, size, 4)
        assert [(s.words, s.heads, s.sent_id) for s in made] == [
            (s.words, s.heads, s.sent_id) for s in written
        ]


def test_conllu_has_lemmas_and_features(tmp_path: Path) -> None:
    write_corpora(tmp_path, ("ciro",), {"test": 20})
    lines = (tmp_path / "ciro/test.conllu").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    assert all(row[2] != "_" for row in rows)
    assert any("Case=Acc" in row[5] for row in rows)


@pytest.mark.slow
def test_a_hundred_thousand_sentences_take_less_than_a_minute_of_one_core(tmp_path: Path) -> None:
    began = time.process_time()
    write_corpora(tmp_path, ("eshe",), {"train": 100_000})
    assert time.process_time() - began < 60
