from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from layerlab.data.folders import find_file, has_language, languages_in, split_files
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
