"""Verses of editions in several languages: files ``<lang>.tsv`` with lines ``id TAB text``, joined by id.

Editions number some verses in ways of their own. An id such as ``Gen.1.3`` ends with the number of a verse,
and before it names the chapter, before that the book. In a chapter that two editions number alike, long
verses translate long ones; a chapter in which the lengths of verses do not go together is left out, and so is
a book in which that is so of most chapters. Ids without a chapter are taken as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from layerlab.data.bitext import Bitext, pairs_with
from layerlab.data.formats.parallel_lines import read_by_id
from layerlab.errors import DataError, unknown

#: A chapter is numbered alike if the lengths of its verses in characters correlate at least so (Pearson).
LEAST_CORRELATION: Final = 0.5
#: Shorter chapters show no correlation and are taken as they are.
SHORTEST_CHAPTER: Final = 5

_NAME = re.compile(r"([a-z]{2,3}(?:[-_][A-Za-z0-9]+)*)\.tsv(?:\.xz)?")


def verse_files(folder: Path) -> dict[str, Path]:
    """Find the files of verses in a folder, by language."""
    named = ((_NAME.fullmatch(path.name), path) for path in sorted(folder.iterdir()))
    return {name[1]: path for name, path in named if name is not None}


def read_verses(
    folder: Path, languages: Sequence[str], pair_with: str, sentences: int | None = None
) -> tuple[Bitext, ...]:
    """Pair the verses of one language with those of others; each pair has the verses that both have.

    Args:
        folder: Folder of the files.
        languages: The other languages; all that are there if none is given.
        pair_with: The source of every bitext.
        sentences: At most so many verses, spread evenly.

    Raises:
        DataError: There is no such language, a file cannot be read, or two have no verse in common.
    """
    files = verse_files(folder)
    wanted = [pair_with, *(languages or (one for one in files if one != pair_with))]
    for language in wanted:
        if language not in files:
            raise DataError(f"{folder}: {unknown('language', language, files)}")
    own = read_by_id(files[pair_with])
    found: list[Bitext] = []
    for language in wanted[1:]:
        names = alike(own, others := read_by_id(files[language]))
        if not names:
            raise DataError(f"no verse is common to {files[pair_with]} and {files[language]}")
        both = {pair_with: [own[name] for name in names], language: [others[name] for name in names]}
        found += pairs_with(both, (language,), pair_with, sentences)
    return tuple(found)


def alike(own: Mapping[str, str], others: Mapping[str, str]) -> list[str]:
    """List the ids that two editions have in common and number alike, in the order of the first.

    >>> first = {f"Ruth.1.{n}": "a" * length for n, length in enumerate([9, 2, 7, 3, 8, 1])}
    >>> later = {f"Ruth.1.{n}": "b" * length for n, length in enumerate([5, 9, 2, 7, 3, 8])}  # one more
    >>> len(alike(first, first)), len(alike(first, later))
    (6, 0)
    """
    common = [name for name in own if name in others]
    chapters: dict[str, list[str]] = {}
    for name in common:
        chapters.setdefault(_above(name), []).append(name)
    right = {chapter for chapter, names in chapters.items() if _go_together(own, others, names)}
    books: dict[str, list[bool]] = {}
    for chapter in chapters:
        books.setdefault(_above(chapter) or chapter, []).append(chapter in right)
    # Of a book that is numbered otherwise, a few chapters correlate by chance.
    good = {book for book, told in books.items() if 2 * sum(told) >= len(told)}
    kept = {"", *(chapter for chapter in right if (_above(chapter) or chapter) in good)}
    return [name for name in common if _above(name) in kept]


def _above(place: str) -> str:
    """Return the chapter of a verse, or the book of a chapter; empty where there is none."""
    return place.rpartition(".")[0]


def _go_together(own: Mapping[str, str], others: Mapping[str, str], names: Sequence[str]) -> bool:
    """Whether long verses of a chapter stand for long ones."""
    lengths = np.array([[len(own[name]), len(others[name])] for name in names], dtype=float)
    if len(names) < SHORTEST_CHAPTER or not lengths.std(axis=0).all():
        return True
    return bool(np.corrcoef(lengths.T)[0, 1] >= LEAST_CORRELATION)
