"""Pairs of sentences in TSV and JSONL files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from layerlab.data.columns import find_columns
from layerlab.data.formats.lines import read_lines
from layerlab.data.pairs import Pair, check_pairs
from layerlab.data.tags import NO_MAP
from layerlab.errors import DataError

# What files and data sets call the parts of a pair: the first column that exists is taken.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "first": ("premise", "sentence1"),
    "second": ("hypothesis", "hypo", "sentence2"),
    "label": ("label", "gold_label"),
    "pair_id": ("pair_id", "pairID", "id", "idx"),
}
NEEDED = ("first", "second", "label")


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
    columns = find_columns(tuple(named[0][1]), COLUMNS, NEEDED, named[0][0])
    pairs = build_pairs(named, columns, tag_map)
    languages = {str(row.get("language")) for _, row in named}
    if len(languages) > 1:
        raise DataError(
            f"{path}: column language holds {', '.join(sorted(languages))}; "
            f"expected a file for each language: {{language}}/{{split}}{path.suffix}"
        )
    return pairs


def build_pairs(
    rows: Iterable[tuple[str, Mapping[str, Any]]], columns: Mapping[str, str], tag_map: Mapping[str, str]
) -> tuple[Pair, ...]:
    """Make pairs of rows, each a place for messages and values by column; a label may be a whole number.

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
    values: dict[str, Any] = {part: row.get(columns.get(part, "")) for part in COLUMNS}
    label, pair_id = values["label"], values["pair_id"]
    if isinstance(label, bool) or not isinstance(label, str | int) or label == "":
        raise DataError(
            f"{where}: {columns['label']} holds {label!r}; expected a label as text or whole number"
        )
    label = tag_map.get(str(label), str(label))
    return Pair(values["first"], values["second"], label, "" if pair_id is None else str(pair_id))


def _rows_of_tsv(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    header, *lines = read_lines(path)
    names = header.split("\t")
    find_columns(names, COLUMNS, NEEDED, f"{path}:1")  # a header without lines is refused too
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
