"""Parallel text line by line: every line is a sentence, with or without an id before it."""

from __future__ import annotations

import lzma
from collections.abc import Mapping
from pathlib import Path

from layerlab.data.formats.lines import read_lines
from layerlab.errors import DataError


def read_sentences(path: Path) -> list[str]:
    """Return the lines of a file of parallel text, which may be ``.xz``, without blanks around them.

    Raises:
        DataError: The file cannot be read, or a line is empty.
    """
    if path.suffix == ".xz":
        try:
            with lzma.open(path, "rt", encoding="utf-8") as file:
                lines = file.read().replace("\r\n", "\n").split("\n")
        except (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError) as error:
            raise DataError(f"{path}: cannot be read ({error})") from error
    else:
        lines = read_lines(path)
    while lines and not lines[-1].strip():
        lines.pop()
    empty = next((number for number, line in enumerate(lines, 1) if not line.strip()), None)
    if empty is not None:
        raise DataError(f"{path}:{empty}: an empty line; every line of parallel text is a sentence")
    return [line.strip() for line in lines]


def read_by_id(path: Path) -> Mapping[str, str]:
    """Return the sentences of a file with lines ``id TAB text``, which may be ``.xz``, by id.

    Raises:
        DataError: The file cannot be read, a line has another form, or an id occurs twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(read_sentences(path), 1):
        name, tab, text = line.partition("\t")
        if not tab or "\t" in text:
            raise DataError(f"{path}:{number}: expected id TAB text")
        if name in found:
            raise DataError(f"{path}:{number}: id {name!r} occurs twice")
        found[name] = text
    return found
