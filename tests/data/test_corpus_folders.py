from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from layerlab.data.corpus_folders import find_file, has_language, languages_in, split_files, treebanks_in
from layerlab.errors import DataError

Write = Callable[[str, str], Path]


@pytest.fixture
def root(write: Write, tmp_path: Path) -> Path:
    for name in (
        "aa/train.conllu",
        "aa/test.conllu",
        "bb-Bank/dev.conllu",
        "cc.conllu",
        "dd/test.iob2",
        "notes.txt",
    ):
        write(name, "x")
    return tmp_path


def test_a_language_is_a_folder_or_a_named_folder_or_one_file(root: Path) -> None:
    assert find_file(root, {}, "aa", "train", ("conllu",)) == root / "aa/train.conllu"
    assert find_file(root, {"bb": "bb-Bank"}, "bb", "dev", ("conllu",)) == root / "bb-Bank/dev.conllu"
    assert find_file(root, {"en:Zoo": "cc"}, "en:Zoo", "test", ("conllu",)) == root / "cc.conllu"
    assert find_file(root, {}, "cc", "test", ("conllu",)) == root / "cc.conllu"


def test_the_first_format_goes_first(root: Path, write: Write) -> None:
    write("aa/test.iob2", "x")
    assert split_files(root / "aa", ("iob2", "conllu"))["test"].suffix == ".iob2"


def test_language_without_data_lists_the_languages(root: Path) -> None:
    with pytest.raises(DataError, match=r"unknown language 'aaa'; did you mean 'aa'\? Known: aa, bb, cc "):
        find_file(root, {"bb": "bb-Bank"}, "aaa", "test", ("conllu",))
    assert languages_in(root, {"bb": "bb-Bank"}, ("conllu",)) == ("aa", "bb", "cc")
    assert not has_language(root, {}, "dd", ("conllu",))


def test_missing_dev_split_lists_the_splits(root: Path) -> None:
    with pytest.raises(DataError, match=r"aa has no dev split: expected .*dev.conllu; it has train, test"):
        find_file(root, {}, "aa", "dev", ("conllu",))


def test_named_folder_without_files_and_missing_root_are_refused(root: Path) -> None:
    with pytest.raises(DataError, match=r"ee: no .conllu or .iob2 files in .*ee-Bank"):
        find_file(root, {"ee": "ee-Bank"}, "ee", "dev", ("conllu", "iob2"))
    with pytest.raises(DataError, match=r"no such data folder: .*nowhere"):
        find_file(root / "nowhere", {}, "aa", "dev", ("conllu",))


TREES = ("conllu",)


@pytest.fixture
def zoo(write: Write, tmp_path: Path) -> Path:
    """A root with treebanks of en in every place that they may be."""
    for name in (
        "ud/en/test.conllu", "ud/en/train.conllu", "ud/en/GUM/test.conllu", "ud/en/GUM/train.conllu",
        "ud/en/LinES.conllu", "ud/en-talk/dev.conllu", "ud/Named/test.conllu", "ud/en/empty/notes.txt",
        "ud_domains/en/Atis.conllu", "ud_domains/en/LinES.conllu", "ud_domains/en/Zoo/test.conllu",
        "ud_domains/en/Tags.iob2", "ud/de-GSD/test.conllu", "ud/fr/test.conllu",
    ):  # fmt: skip
        write(name, "x")
    return tmp_path / "ud"


@pytest.mark.parametrize(
    ("target", "split", "path"),
    [
        ("en:GUM", "test", "ud/en/GUM/test.conllu"),
        ("en:GUM", "train", "ud/en/GUM/train.conllu"),
        ("en:LinES", "test", "ud/en/LinES.conllu"),
        ("en:talk", "dev", "ud/en-talk/dev.conllu"),
        ("en:Atis", "test", "ud_domains/en/Atis.conllu"),
        ("en:Zoo", "test", "ud_domains/en/Zoo/test.conllu"),
        ("en:Mine", "test", "ud/Named/test.conllu"),
        ("de:GSD", "test", "ud/de-GSD/test.conllu"),
        ("en", "test", "ud/en/test.conllu"),
    ],
)
def test_a_treebank_is_found_in_its_language_or_beside_the_root(
    zoo: Path, target: str, split: str, path: str
) -> None:
    folders = {"en:Mine": "Named"}
    assert find_file(zoo, folders, target, split, TREES) == zoo.parent / path
    assert has_language(zoo, folders, target, TREES)


def test_the_treebanks_of_a_language_are_listed(zoo: Path) -> None:
    names = ("Atis", "GUM", "LinES", "Mine", "Zoo", "talk")
    assert treebanks_in(zoo, {"en:Mine": "Named"}, "en", TREES) == names
    assert treebanks_in(zoo, {}, "fr", TREES) == ()
    with pytest.raises(
        DataError,
        match=r"unknown treebank of en 'GMU'; did you mean 'GUM'\? Known: Atis, GUM, LinES, Zoo, talk; "
        r"expected .*ud/en/GMU/test.conllu or .*ud/en/GMU.conllu, there or under .*ud_domains",
    ):
        find_file(zoo, {}, "en:GMU", "test", TREES)
    with pytest.raises(DataError, match="unknown treebank of fr 'GSD'; Known: none"):
        find_file(zoo, {}, "fr:GSD", "test", TREES)
    with pytest.raises(DataError, match="en:LinES has no train split: .* it has test"):
        find_file(zoo, {}, "en:LinES", "train", TREES)


def test_the_splits_of_a_language_are_no_treebanks(zoo: Path) -> None:
    for split in ("train", "test"):
        with pytest.raises(DataError, match=f"unknown treebank of en '{split}'"):
            find_file(zoo, {}, f"en:{split}", "test", TREES)


def test_a_treebank_of_a_language_whose_folder_is_called_otherwise(write: Write, tmp_path: Path) -> None:
    write("ud/UD_English-EWT/GUM.conllu", "x")
    write("ud/UD_English-EWT/test.conllu", "x")
    found = find_file(tmp_path / "ud", {"en": "UD_English-EWT"}, "en:GUM", "test", TREES)
    assert found == tmp_path / "ud/UD_English-EWT/GUM.conllu"


def test_a_root_that_is_the_working_directory_has_treebanks_beside_it(
    zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(zoo)
    assert find_file(Path("."), {}, "en:Atis", "test", TREES) == zoo.parent / "ud_domains/en/Atis.conllu"
