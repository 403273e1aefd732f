"""Files of one word a line with its entity tag, such as those of Universal NER, CoNLL and GermEval."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from layerlab.data.checks import check_words
from layerlab.data.entities import read_tags
from layerlab.data.formats.lines import read_lines, sent_id_of
from layerlab.data.sentences import Sentence
from layerlab.data.tags import TagOptions
from layerlab.errors import DataError

DOCUMENT = "-DOCSTART-"

_KEY = re.compile(r"#\s*[\w.:]+\s*=")
_TAG = re.compile(r"O|[BIESLUMW]-\S+")


@dataclass(frozen=True)
class _Block:
    """The lines of a sentence."""

    sent_id: str
    rows: list[tuple[int, list[str]]] = field(default_factory=list)


def read_iob(path: Path, options: TagOptions) -> tuple[tuple[Sentence, ...], tuple[str, ...]]:
    """Read a file of words and entity tags.

    A line holds, separated by tabs, number, word, tag and anything, or just word and tag. Where every line
    has as many columns, word first and tag last, these are read, and then the columns may be separated by
    spaces, as those of CoNLL 2003. Lines of white space part sentences. Comments begin with ``#`` and a
    space, or are ``#``, source and date in tabs, as in GermEval 2014; ``# sent_id = ...`` names a sentence.

    Returns:
        The sentences, and notes on how their tags were read.

    Raises:
        DataError: A line has no tag, a tag of an unknown form, or too many stray ``I-`` tags; names file
            and line. Or the file holds no sentence.
    """
    blocks = list(_blocks(read_lines(path)))
    columns_of = _layout(path, blocks)
    split = [[columns_of(number, columns) for number, columns in block.rows] for block in blocks]
    words = [tuple(word for word, _ in rows) for rows in split]
    if not blocks:
        raise DataError(f"{path}: no sentence in the file")

    def place(sentence: int, word: int) -> str:
        return f"{path}:{blocks[sentence].rows[word][0]}"

    check_words(words, place)
    entities, notes = read_tags([[tag for _, tag in rows] for rows in split], options, place)
    sentences = tuple(
        Sentence(forms, entities=read, sent_id=block.sent_id, place=f":{block.rows[0][0]}")
        for forms, read, block in zip(words, entities, blocks, strict=True)
    )
    return sentences, notes


def _blocks(lines: Sequence[str]) -> Iterator[_Block]:
    """Yield the sentences of a file as columns, without comments."""
    tabs = any("\t" in line for line in lines if line.strip() and not line.startswith("# "))
    block = _Block("")
    for number, line in enumerate([*lines, ""], 1):
        columns = line.split("\t") if tabs else [column for column in line.split(" ") if column]
        if not line.strip():
            if block.rows:
                yield block
            block = _Block("")
        elif _is_comment(line, columns, tabs=tabs, first=not block.rows):
            block = _Block(sent_id_of(line) or block.sent_id, block.rows)
        else:
            block.rows.append((number, columns))


def _is_comment(line: str, columns: list[str], *, tabs: bool, first: bool) -> bool:
    if not line.startswith("#"):
        return False
    if not tabs:
        return bool(_KEY.match(line)) or len(columns) < 2 or not _TAG.fullmatch(columns[-1])
    if line.startswith("# ") or "\t" not in line:
        return True
    # "#", source and date, before the first word of a sentence.
    return first and columns[0] == "#" and len(columns) > 2 and not _TAG.fullmatch(columns[-1])


def _layout(path: Path, blocks: list[_Block]) -> Callable[[int, list[str]], tuple[str, str]]:
    """Return how a line's columns become word and tag; takes lines that begin documents away."""
    rows = [columns for block in blocks for _, columns in block.rows]
    numbered = sum(columns[0].isdecimal() for columns in rows)
    if numbered * 2 < len(rows) and all(len(columns) > 2 and not columns[-1] for columns in rows):
        for columns in rows:  # every line ends with a tab
            columns.pop()
    widths = {len(columns) for columns in rows}
    if (
        len(widths) == 1
        and min(widths) > 2
        and numbered * 2 < len(rows)
        and all(_TAG.fullmatch(columns[-1]) for columns in rows)
    ):
        for block in blocks:
            block.rows[:] = [row for row in block.rows if row[1][0] != DOCUMENT]
        blocks[:] = [block for block in blocks if block.rows]
        return lambda number, columns: (columns[0], columns[-1])

    def split(number: int, columns: list[str]) -> tuple[str, str]:
        if len(columns) == 2:
            return columns[0], columns[1]
        if len(columns) > 2 and columns[0].isdecimal():
            return columns[1], columns[2]
        raise DataError(
            f"{path}:{number}: expected tab-separated columns number, word, tag, ... or word, tag, or as "
            f"many columns in every line with the word first and the tag last; got {len(columns)}: "
            f"{' '.join(columns)[:60]!r}"
        )

    return split
