"""Pairs of sentences with a label, from TSV and JSONL files: inference, paraphrase."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from layerlab.data.sentences import read_lines
from layerlab.errors import DataError
from layerlab.files import digest_values

# Formats of pairs, which are the endings of their files too.
PAIR_FORMATS = ("tsv", "jsonl")

# What files and data sets call the parts of a pair: the first column that exists is taken.
COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "first": ("premise", "sentence1"),
        "second": ("hypothesis", "hypo", "sentence2"),
        "label": ("label", "gold_label"),
        "pair_id": ("pair_id", "pairID", "id", "idx"),
    }
)

_NO_MAP: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sentences as running text, and what holds between them.

    Attributes:
        first: The premise, where it is inference.
        second: The hypothesis, where it is inference.
        label: As the corpus writes it.
        pair_id: The corpus's name of the pair, empty where it gives none.

    >>> Pair("Sova letí.", "Něco letí.", "entailment").label
    'entailment'
    """

    first: str
    second: str
    label: str
    pair_id: str = ""


def digest_pairs(pairs: Iterable[Pair]) -> str:
    """Return 16 hexadecimal digits that stand for the content of pairs."""
    return digest_values((pair.first, pair.second, pair.label, pair.pair_id) for pair in pairs)


def count_empty(pairs: Iterable[Pair]) -> int:
    """Return how many pairs lack a sentence, as some machine-translated ones of PAWS-X do.

    >>> count_empty([Pair("a", "b", "1"), Pair("a", " ", "0")])
    1
    """
    return sum(not (pair.first.strip() and pair.second.strip()) for pair in pairs)


def read_pairs(path: str | Path, tag_map: Mapping[str, str] = _NO_MAP) -> tuple[Pair, ...]:
    """Read pairs from a TSV file with a header, or from JSON objects, one a line.

    Columns are found by name: ``premise`` or ``sentence1``; ``hypothesis``, ``hypo`` or ``sentence2``;
    ``label`` or ``gold_label``; and if there is one ``pair_id``, ``pairID``, ``id`` or ``idx``. Others are
    not read. Quotation marks in TSV are text.

    Args:
        path: The file, ``.tsv`` or ``.jsonl``.
        tag_map: Labels to replace: ``{"contradictory": "contradiction"}`` reads the training files of XNLI.

    Raises:
        DataError: A column is missing, a line has another number of columns than the header, a value is no
            text, or the file mixes languages; names file and line. Or the file holds no pair.
    """
    path = Path(path)
    rows = _rows_of_json(path) if path.suffix == ".jsonl" else _rows_of_tsv(path)
    pairs: list[Pair] = []
    columns: dict[str, str] = {}
    languages = set()
    for number, row in rows:
        where = f"{path}:{number}"
        if not columns:
            columns = find_columns(tuple(row), where)
        languages.add(row.get("language"))
        pairs.append(build_pair(row, columns, tag_map, where))
    if len(languages) > 1:
        raise DataError(
            f"{path}: column language holds {', '.join(sorted(map(str, languages)))}; "
            f"expected a file for each language: {{language}}/{{split}}{path.suffix}"
        )
    if not pairs:
        raise DataError(f"{path}: no pair in the file")
    return tuple(pairs)


def find_columns(there: Sequence[str], where: str) -> dict[str, str]:
    """Return what the columns of a pair are called; ``pair_id`` may be missing.

    Args:
        there: Names of the columns.
        where: For the message.

    Raises:
        DataError: There is no column for a sentence or for the label; says which there are.

    >>> find_columns(("id", "sentence1", "sentence2", "label"), "")["second"]
    'sentence2'
    """
    found = {}
    for part, names in COLUMNS.items():
        name = next((name for name in names if name in there), None)
        if name is not None:
            found[part] = name
        elif part != "pair_id":
            listed = ", ".join(column[:40] for column in there)
            raise DataError(
                f"{where}: no column for {part}: expected one of {', '.join(names)}; it has {listed}"
            )
    return found


def build_pair(
    row: Mapping[str, Any], columns: Mapping[str, str], tag_map: Mapping[str, str], where: str
) -> Pair:
    """Make a pair of one row.

    Args:
        row: Values by column; a label may be a whole number.
        columns: Of :func:`find_columns`.
        tag_map: As for :func:`read_pairs`.
        where: For the message.

    Raises:
        DataError: A sentence is no text, or there is no label.
    """
    for part in ("first", "second"):
        value = row.get(columns[part])
        if not isinstance(value, str):
            got = "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
            raise DataError(f"{where}: {columns[part]} holds {got}; expected text")
    label = row.get(columns["label"])
    if isinstance(label, bool) or not isinstance(label, str | int) or label == "":
        raise DataError(
            f"{where}: {columns['label']} holds {label!r}; expected a label as text or whole number"
        )
    pair_id = row.get(columns.get("pair_id", ""))
    return Pair(
        row[columns["first"]],
        row[columns["second"]],
        tag_map.get(str(label), str(label)),
        "" if pair_id is None else str(pair_id),
    )


def _rows_of_tsv(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    header, *lines = read_lines(path)
    names = header.split("\t")
    find_columns(names, f"{path}:1")  # a header without lines is refused too
    for number, line in enumerate(lines, 2):
        if not line:
            continue
        values = line.split("\t")
        if len(values) != len(names):
            raise DataError(
                f"{path}:{number}: expected {len(names)} tab-separated columns ({', '.join(names)}), "
                f"got {len(values)}: {line[:60]!r}"
            )
        yield number, dict(zip(names, values, strict=True))


def _rows_of_json(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}:{number}: not JSON ({error.msg}): {line[:60]!r}") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}:{number}: expected a JSON object, got {line[:60]!r}")
        yield number, row
