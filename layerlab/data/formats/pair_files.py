"""Pairs of sentences in TSV and JSONL files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from layerlab.data.formats.lines import read_lines
from layerlab.data.pairs import Pair, check_pairs
from layerlab.data.tags import NO_MAP
from layerlab.errors import DataError

# What files and data sets call the parts of a pair: the first column that exists is taken.
COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "first": ("premise", "sentence1"),
        "second": ("hypothesis", "hypo", "sentence2"),
        "label": ("label", "gold_label"),
        "pair_id": ("pair_id", "pairID", "id", "idx"),
    }
)


def read_pairs(path: str | Path, tag_map: Mapping[str, str] = NO_MAP) -> tuple[Pair, ...]:
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
    named = [(f"{path}:{number}", row) for number, row in rows]
    if not named:
        raise DataError(f"{path}: no pair in the file")
    columns = find_columns(tuple(named[0][1]), named[0][0])
    pairs = build_pairs(named, columns, tag_map)
    languages = {str(row.get("language")) for _, row in named}
    if len(languages) > 1:
        raise DataError(
            f"{path}: column language holds {', '.join(sorted(languages))}; "
            f"expected a file for each language: {{language}}/{{split}}{path.suffix}"
        )
    return pairs


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


def build_pairs(
    rows: Iterable[tuple[str, Mapping[str, Any]]], columns: Mapping[str, str], tag_map: Mapping[str, str]
) -> tuple[Pair, ...]:
    """Make pairs of rows.

    Args:
        rows: Places, for messages, and values by column; a label may be a whole number.
        columns: Of :func:`find_columns`.
        tag_map: As for :func:`read_pairs`.

    Raises:
        DataError: A sentence is no text, or a label is missing or has white space around it.
    """
    rows = list(rows)
    pairs = tuple(_build_pair(where, row, columns, tag_map) for where, row in rows)
    check_pairs(pairs, lambda index, part: f"{rows[index][0]}: {columns[part]}", tag_map)
    return pairs


def _build_pair(
    where: str, row: Mapping[str, Any], columns: Mapping[str, str], tag_map: Mapping[str, str]
) -> Pair:
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
        except (ValueError, RecursionError) as error:  # no JSON, numbers that are too long, too many brackets
            reason = getattr(error, "msg", None) or str(error).partition(";")[0]
            raise DataError(f"{path}:{number}: not JSON ({reason}): {line[:60]!r}") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}:{number}: expected a JSON object, got {line[:60]!r}")
        yield number, row
