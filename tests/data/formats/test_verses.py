"""Verses are joined by id where editions number them alike."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from layerlab.data.formats.bitext_files import parallel_languages, read_bitexts
from layerlab.data.formats.verses import alike
from layerlab.errors import DataError

LENGTHS = (12, 40, 7, 25, 3, 31, 18)


def edition(book: str, letter: str, shifted: tuple[int, ...] = (), chapters: int = 3) -> dict[str, str]:
    """Return chapters of seven verses; in shifted ones every verse has the next number."""
    found: dict[str, str] = {}
    for chapter in range(chapters):
        lengths = [length + chapter for length in LENGTHS]
        if chapter in shifted:
            lengths = [50, *lengths[:-1]]
        found |= {f"{book}.{chapter}.{n}": letter * length for n, length in enumerate(lengths)}
    return found


def write(folder: Path, language: str, verses: dict[str, str], ending: str = "tsv") -> None:
    text = "".join(f"{name}\t{words}\n" for name, words in verses.items())
    path = folder / f"{language}.{ending}"
    if ending.endswith("xz"):
        path.write_bytes(lzma.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "en", edition("Ruth", "a") | edition("Job", "a"))
    write(tmp_path, "fr", edition("Ruth", "b", shifted=(1,)) | edition("Job", "b"), "tsv.xz")
    write(tmp_path, "ru", edition("Ruth", "c") | edition("Job", "c", shifted=(0, 2)))
    (tmp_path / "ALIGNMENT.tsv").write_text("lang\tchapter\n", encoding="utf-8")
    return tmp_path


def test_a_chapter_that_is_numbered_otherwise_is_left_out(folder: Path) -> None:
    (french,) = read_bitexts(folder, ["fr"])
    assert len(french) == 5 * len(LENGTHS)
    for ours, theirs in zip(french.sources, french.targets, strict=True):
        assert len(str(ours)) == len(str(theirs))


def test_so_is_a_book_in_which_that_is_so_of_most_chapters(folder: Path) -> None:
    (russian,) = read_bitexts(folder, ["ru"])
    assert len(russian) == 3 * len(LENGTHS)


def test_every_language_of_the_folder_is_paired_by_default(folder: Path) -> None:
    assert parallel_languages(folder) == ("en", "fr", "ru")
    assert [one.target for one in read_bitexts(folder, pair_with="fr")] == ["en", "ru"]
    (fewer,) = read_bitexts(folder, ["fr"], sentences=10)
    assert len(fewer) == 10


def test_ids_without_a_chapter_and_short_chapters_are_taken_as_they_are() -> None:
    plain = {"a": "x" * 9, "b": "x", "Obad.1.1": "x" * 9, "Obad.1.2": "x"}
    assert alike(plain, {name: text[::-1] + "y" for name, text in plain.items()}) == list(plain)
    turned = dict(zip(plain, reversed(plain.values()), strict=True))
    assert alike(plain, turned) == list(plain)


def test_what_is_not_there_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unknown language 'xx'; Known: en, fr, ru"):
        read_bitexts(folder, ["xx"])
    write(folder, "sv", {"Mark.1.1": "början"})
    with pytest.raises(DataError, match=r"no verse is common to .*en\.tsv and .*sv\.tsv"):
        read_bitexts(folder, ["sv"])


@pytest.mark.data
def test_real_editions_keep_what_corresponds(data_root: Path) -> None:
    counts = {one.target: len(one) for one in read_bitexts(data_root / "bible", ["pt", "ru"])}
    # Russian Psalms are numbered otherwise: 150 chapters of them are left out.
    assert counts["pt"] > 30_000
    assert 25_000 < counts["ru"] < 28_000
