"""Bilingual dictionaries: pairs of words that mean the same, one a line, as MUSE has them."""

from __future__ import annotations

from pathlib import Path

from layerlab.data.formats.lines import read_lines
from layerlab.errors import DataError

#: Words of one language with their translations; a word may have several.
Dictionary = tuple[tuple[str, str], ...]


def read_dictionary(path: str | Path) -> Dictionary:
    """Read a dictionary in MUSE's format: a word, blanks or a tab, and its translation.

    Columns after the second, which are separated by tabs, are left out, as are pairs that occur again.

    Args:
        path: The file.

    Raises:
        DataError: It cannot be read, or a line is no pair of words; names file and line.

    Reference: Conneau et al. (2018), "Word Translation Without Parallel Data", whose dictionaries these are.
    """
    pairs: dict[tuple[str, str], None] = {}
    for number, line in enumerate(read_lines(Path(path)), 1):
        if not line.strip():
            continue
        words = [word.strip() for word in line.split("\t")] if "\t" in line else line.split()
        if len(words) < 2 or not words[0] or not words[1] or ("\t" not in line and len(words) > 2):
            raise DataError(f"{path}:{number}: expected a word and its translation, got {line[:60]!r}")
        pairs[words[0], words[1]] = None
    return tuple(pairs)
