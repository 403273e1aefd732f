"""Word alignments of parallel sentences, one sentence pair a line, in the format of Pharaoh."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from layerlab.data.bitext import Links
from layerlab.data.formats.lines import read_lines
from layerlab.errors import DataError


def read_links(path: str | Path, lengths: Sequence[tuple[int, int]]) -> Links:
    """Read word alignments: ``0-0 1-2`` links the first words, and the second word with the third.

    Args:
        path: The file, with a line for each sentence pair; a line may be empty.
        lengths: Words of each sentence and of its translation, which the links are checked against.

    Raises:
        DataError: It cannot be read, has another number of lines, or links a word that is not there.
    """
    lines = read_lines(Path(path))
    if not lines[-1]:  # what stands after the last end of a line
        lines = lines[:-1]
    if len(lines) != len(lengths):
        raise DataError(f"{path} has {len(lines)} lines, expected one for each of {len(lengths)} sentences")
    return tuple(
        tuple(_read_link(link, own, f"{path}:{number}") for link in line.split())
        for number, (line, own) in enumerate(zip(lines, lengths, strict=True), 1)
    )


def _read_link(link: str, lengths: tuple[int, int], where: str) -> tuple[int, int]:
    here, mark, there = link.partition("-")
    if not (mark and here.isdecimal() and there.isdecimal()):
        raise DataError(f"{where}: expected links such as 0-0 or 3-1, got {link!r}")
    found = int(here), int(there)
    if not (found[0] < lengths[0] and found[1] < lengths[1]):
        raise DataError(
            f"{where}: link {link} is outside of its sentences, of {lengths[0]} and {lengths[1]} words"
        )
    return found
