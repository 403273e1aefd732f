"""Dictionaries in the format of MUSE."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.data.formats.dictionaries import read_dictionary
from layerlab.errors import DataError
from layerlab.languages.corpora.tabular import write_dictionaries


def test_blanks_and_tabs_part_words_and_repeated_pairs_are_one(tmp_path: Path) -> None:
    file = tmp_path / "en-de.txt"
    file.write_text("house haus\nhouse  gebäude\n\nice cream\teis\tNOUN\nhouse haus\n", encoding="utf-8")
    assert read_dictionary(file) == (("house", "haus"), ("house", "gebäude"), ("ice cream", "eis"))


def test_dictionaries_of_controlled_languages_are_read(tmp_path: Path) -> None:
    write_dictionaries(tmp_path, ("avin", "belo"))
    found = read_dictionary(tmp_path / "dictionaries" / "avin-belo.tsv")
    assert len(found) > 500
    assert ("ta", "ta") in found


def test_a_line_that_is_no_pair_is_named(tmp_path: Path) -> None:
    file = tmp_path / "en-de.txt"
    for text in ("house haus\nhouse\n", "house haus\na b c\n", "house haus\nhouse\t\n"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=r"en-de.txt:2: expected a word and its translation"):
            read_dictionary(file)
