"""What becomes of sentences and pairs between their reader and a study: checks, maps, prefixes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import chain
from pathlib import Path
from typing import Any

from layerlab.data.checks import bare, check_text, check_words
from layerlab.data.entities import read_tags
from layerlab.data.pairs import Pair, check_pairs
from layerlab.data.sentences import Sentence
from layerlab.data.survey import common_prefix
from layerlab.data.tags import TagOptions
from layerlab.errors import DataError

Items = tuple[Any, ...]
Notes = tuple[str, ...]

_SAMPLE = 1 << 16  # bytes of a file


#: Parts of a sentence that no task reads.
_NOT_READ = ("text", "place")


def check_items(items: Items, where: str, options: TagOptions, formats: Sequence[str]) -> tuple[Items, Notes]:
    """Check sentences or pairs that come from no file or data set, and read their tags and labels.

    Args:
        items: Of a function or of controlled languages: sentences, or pairs, or what has all parts of a
            sentence, which is left as it is.
        where: For messages.
        options: How tags are read; its map is for labels of pairs too.
        formats: Formats that the task takes: tags are IOB2 for a task that takes ``iob2``.

    Raises:
        DataError: A word, tag, sentence or label is no text, or a tag cannot be read.
    """
    if all(isinstance(item, Pair) for item in items):
        pairs = tuple(replace(one, label=options.tag_map.get(one.label, one.label)) for one in items)
        check_pairs(pairs, lambda index, part: f"{where}, pair {index + 1}: {part}", options.tag_map)
        return pairs, ()
    if not all(isinstance(item, Sentence) for item in items):
        for number, item in enumerate(items, 1):
            if not all(hasattr(item, part.name) for part in fields(Sentence) if part.name not in _NOT_READ):
                raise DataError(
                    f"{where}, item {number}: it is a {type(item).__name__}; expected Sentence objects, or "
                    "Pair objects, in the whole split"
                )
        return items, ()

    def place(index: int, _: int) -> str:
        return f"{where}{items[index].place or f', sentence {index + 1}'}"

    check_words([item.words for item in items], place)
    for index, item in enumerate(items):
        for tag in item.upos:
            if bare(check_text(tag, "tag", place(index, 0))) != tag:
                raise DataError(f"{place(index, 0)}: tag {tag!r} has white space around it")
    rows = [item.entities for item in items]
    if not any(rows) or "iob2" not in formats:
        return items, ()
    read, notes = read_tags(rows, options, place)
    return tuple(
        item if item.entities == tags else replace(item, entities=tags)
        for item, tags in zip(items, read, strict=True)
    ), notes


def prefix_of(items: Items) -> str:
    """Return the language code that nearly all words of sentences begin with; nothing if there is none."""
    sentences = (item for item in items if isinstance(item, Sentence))
    return common_prefix(chain.from_iterable(sentence.words for sentence in sentences))


def find_prefix(path: Path) -> str:
    """Return the language code before each word of a file, from its first lines; nothing if there is none."""
    try:
        with path.open("rb") as file:
            lines = file.read(_SAMPLE).decode("utf-8-sig", errors="replace").split("\n")[:-1]
    except OSError:
        return ""
    return common_prefix(_words_of(lines))


def _words_of(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        columns = line.split("\t") if "\t" in line else line.split()
        if line.startswith("# ") or len(columns) < 2 or columns[0] == "#":
            continue
        yield columns[1] if len(columns) > 2 and columns[0].isdecimal() else columns[0]


def strip_prefix(items: Items, prefix: str, notes: Notes) -> tuple[Items, Notes]:
    """Take a prefix off the words of sentences, with a note; a word that is no more than it stays."""
    if not prefix:
        return items, notes
    stripped = tuple(
        replace(item, words=tuple(word.removeprefix(prefix) or word for word in item.words)) for item in items
    )
    n_words = sum(len(item.words) for item in items)
    n = sum(word.startswith(prefix) and word != prefix for item in items for word in item.words)
    return stripped, (*notes, f"{prefix!r} is taken off {n} of {n_words} words, which begin with it")
