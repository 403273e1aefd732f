"""CoNLL-U: the format of Universal Dependencies."""

from __future__ import annotations

import re
from pathlib import Path

from layerlab.data.formats.lines import read_lines, sent_id_of, text_of
from layerlab.data.sentences import Sentence
from layerlab.errors import DataError, unknown

UPOS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM",
    "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
)  # fmt: skip

N_COLUMNS = 10
_KNOWN_UPOS = frozenset(UPOS)
_NOT_A_WORD = re.compile(r"[0-9]+(-[0-9]+|\.[0-9]+)")


def read_conllu(path: str | Path) -> tuple[Sentence, ...]:
    """Read a CoNLL-U file into sentences with parts of speech and the basic tree.

    Multiword tokens (``1-2``) and empty nodes (``3.1``) are left out, as the annotation is on syntactic
    words. Forms may contain spaces. Running text is that of the line ``# text``. A sentence whose heads are
    all ``_`` is read without a tree.

    Raises:
        DataError: A line has another number of columns than 10, an unknown UPOS tag, a word number out of
            sequence, or a head outside its sentence; names file and line. Or the file holds no sentence.

    Reference: https://universaldependencies.org/format.html
    """
    path = Path(path)
    sentences: list[Sentence] = []
    rows: list[tuple[int, list[str]]] = []
    sent_id = text = ""
    for number, line in enumerate([*read_lines(path), ""], 1):
        if line.startswith("#"):
            sent_id, text = sent_id_of(line) or sent_id, text_of(line) or text
        elif line.strip():
            columns = line.split("\t")
            if len(columns) != N_COLUMNS:
                raise DataError(f"{path}:{number}: expected 10 tab-separated columns, got {len(columns)}")
            if not _NOT_A_WORD.fullmatch(columns[0]):
                _check_word(path, number, columns, len(rows) + 1)
                rows.append((number, columns))
        else:
            if rows:
                sentences.append(_build(path, rows, sent_id, text))
            rows, sent_id, text = [], "", ""
    if not sentences:
        raise DataError(f"{path}: no sentence in the file")
    return tuple(sentences)


def _check_word(path: Path, number: int, columns: list[str], expected: int) -> None:
    if columns[0] != str(expected):
        raise DataError(f"{path}:{number}: expected word number {expected}, got {columns[0]!r}")
    if not columns[1]:
        raise DataError(f"{path}:{number}: the form (column 2) is empty")
    if columns[3] not in _KNOWN_UPOS:
        raise DataError(f"{path}:{number}: {unknown('UPOS tag', columns[3], UPOS)}")


def _build(path: Path, rows: list[tuple[int, list[str]]], sent_id: str, text: str) -> Sentence:
    has_tree = any(columns[6] != "_" for _, columns in rows)
    return Sentence(
        words=tuple(columns[1] for _, columns in rows),
        upos=tuple(columns[3] for _, columns in rows),
        heads=tuple(_head(path, number, columns, len(rows)) for number, columns in rows) if has_tree else (),
        relations=tuple(columns[7] for _, columns in rows) if has_tree else (),
        sent_id=sent_id,
        text=text,
        place=f":{rows[0][0]}",
    )


def _head(path: Path, number: int, columns: list[str], n_words: int) -> int:
    text = columns[6]
    head = int(text) if text.isdecimal() and len(text) < 10 else -1
    if not 0 <= head <= n_words or text == columns[0]:
        raise DataError(
            f"{path}:{number}: head {text!r} of word {columns[0]}: expected another word, or 0; "
            f"the sentence has {n_words} words"
        )
    return head
