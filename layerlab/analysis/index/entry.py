"""Entries of the index: what records say, and by which files they are recognised."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from os import stat_result
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, get_args

from layerlab.analysis.stored.record import ScoreRow, record_of
from layerlab.analysis.stored.seal import Look
from layerlab.config import MOST_INTEGER
from layerlab.errors import RecordsError
from layerlab.files import fault_of_text

if TYPE_CHECKING:
    import pyarrow as pa

#: Columns by which an entry is recognised: the node, and of its record size in bytes, when it was written and
#: when anything of it changed (in nanoseconds; only the system sets the second), and its number in the file
#: system; and the sizes of the other files as they were written.
KNOWN_BY: Final = ("kind", "id", "bytes", "modified", "changed", "inode", "sizes")
#: Columns of what a record says.
CONTENTS: Final = ("about", "facts", "scores")

Entry = dict[str, Any]
_TYPES: Final = {
    name: frozenset(get_args(field.annotation) or (field.annotation,))
    for name, field in ScoreRow.model_fields.items()
}
_NEEDED: Final = {name for name, field in ScoreRow.model_fields.items() if field.is_required()}


def entry_of(kind: str, folder: Path, look: Look, stat: stat_result) -> Entry:
    """Return the entry of a node.

    Args:
        kind: Its kind.
        folder: Its folder.
        look: What was found there.
        stat: Of its record, before that was read.

    Raises:
        RecordsError: It is no record.
    """
    plain = json.loads(look.data)
    about, facts, scores = plain.get(kind), plain.get("node") or {}, plain.get("scores") or []
    if not (isinstance(about, dict) and isinstance(facts, dict) and _are_scores(scores)):
        record = record_of(plain, kind, folder, {})
        about, facts = dict(record.about), dict(record.facts)
        scores = [_checked(score, folder) for score in record.scores]
    known = (kind, folder.name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
    return {
        **dict(zip(KNOWN_BY, (*known, json.dumps(dict(look.sizes))), strict=True)),
        "about": json.dumps(about),
        "facts": json.dumps(facts),
        "scores": scores,
    }


def table_of(entries: Sequence[Entry]) -> pa.Table:
    """Return entries as a table."""
    import pyarrow as pa

    return pa.Table.from_pylist(entries, schema=_schema())


@lru_cache(maxsize=4096)
def read_sizes(text: str) -> Mapping[str, int]:
    """Return sizes of files by name; those of many nodes are the same."""
    sizes: dict[str, int] = json.loads(text)
    return sizes


def _are_scores(scores: Any) -> bool:
    """Return whether scores are of the form in which layerlab writes them, and need no other check."""
    return isinstance(scores, list) and all(
        isinstance(score, dict)
        and score.keys() >= _NEEDED
        and all(_fits(cell, _TYPES.get(name, ())) for name, cell in score.items())
        for score in scores
    )


def _fits(cell: Any, kinds: Any) -> bool:
    if type(cell) is str:
        return str in kinds and cell.isprintable()
    return type(cell) in kinds and (type(cell) is not int or abs(cell) < MOST_INTEGER)


def _checked(score: ScoreRow, folder: Path) -> dict[str, Any]:
    """Return a score as plain values.

    Raises:
        RecordsError: Numbers or text are none that a table takes.
    """
    for name in ("n", "layer"):
        number = getattr(score, name)
        if number is not None and abs(number) >= MOST_INTEGER:
            raise RecordsError(f"{folder}: column {name} holds {number!r}, expected an integer")
    for name in ("target", "split", "metric", "intervention"):
        if fault := fault_of_text(getattr(score, name) or ""):
            raise RecordsError(f"{folder}: column {name} holds {fault}")
    return dict(score)


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    score = {name: kinds[next(iter(types - {NoneType}))] for name, types in _TYPES.items()}
    numbers = dict.fromkeys(("bytes", "modified", "changed"), pa.int64()) | {"inode": pa.uint64()}
    columns = {name: numbers.get(name, pa.string()) for name in (*KNOWN_BY, *CONTENTS)}
    return pa.schema({**columns, "scores": pa.list_(pa.struct(score))})
