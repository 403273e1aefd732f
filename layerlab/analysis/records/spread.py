"""What nodes say, spread into tidy rows: one per score, column by column."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from layerlab.analysis.records.columns import COLUMNS, INTEGERS, KINDS, TEXT
from layerlab.analysis.stored.cells import read_cells
from layerlab.analysis.stored.record import Record, ScoreRow, Stored

if TYPE_CHECKING:
    import pyarrow as pa

#: What a score may say in the place of its node.
_EITHER: Final = "intervention"
_OF_SCORES: Final = tuple(name for name in COLUMNS if name in ScoreRow.model_fields and name != _EITHER)


def record_rows(record: Record) -> list[dict[str, Any]]:
    """Spread a node's record into tidy rows, one per score.

    >>> score = {"target": "de", "split": "test", "metric": "uas", "value": 0.5}
    >>> about = {"seed": 0, "main_metric": "las"}
    >>> rows = record_rows(Record(kind="run", id="r1", about=about, scores=[score]))
    >>> rows[0]["run_id"], rows[0]["target"], rows[0]["value"], rows[0]["layer"], rows[0]["main"]
    ('r1', 'de', 0.5, None, False)
    """
    about = {"run_id": record.id, **record.about}
    scores = [score.to_json() for score in record.scores]
    rows = [{name: score.get(name, about.get(name)) for name in COLUMNS} for score in scores]
    if "main_metric" in about:
        for row in rows:
            row["main"] = row["metric"] == about["main_metric"]
    return rows


def spread(stored: Sequence[Stored], table: pa.Table, where: str) -> pd.DataFrame:
    """Return the rows that :func:`record_rows` gives for many nodes, one after the other.

    Args:
        stored: The nodes.
        table: What they say: columns ``about`` and ``scores``, as the index has them.
        where: What messages call the records.

    Raises:
        RecordsError: A node's name is a number that is none.
    """
    said = zip(stored, table.column("about").to_pylist(), strict=True)
    abouts = [{"run_id": one.folder.name, **json.loads(about), **one.columns} for one, about in said]
    lists = table.column("scores").combine_chunks()
    nodes = np.repeat(np.arange(len(abouts)), lists.value_lengths().to_numpy(zero_copy_only=False))
    scores = lists.flatten()
    columns: dict[str, Any] = {name: _of_score(name, scores.field(name)) for name in _OF_SCORES}
    names = [name for name in COLUMNS if name not in columns and name != "main"]
    cells = {name: pd.Series([about.get(name) for about in abouts], dtype=object) for name in names}
    named = read_cells(pd.DataFrame(cells, columns=names), names, where, **KINDS)
    columns |= {name: named[name].array.take(nodes) for name in names}
    columns[_EITHER] = _own_or(columns[_EITHER], scores.field(_EITHER))
    columns["main"] = _is_main(abouts, columns["metric"], nodes)
    return pd.DataFrame(columns, columns=list(COLUMNS))


def _of_score(name: str, column: pa.Array) -> Any:
    if name in TEXT:
        coded = column.dictionary_encode()
        texts = pd.array(coded.dictionary.to_pylist(), dtype="str")
        return texts.take(coded.indices.to_numpy(zero_copy_only=False))
    if name in INTEGERS:
        gaps = column.is_null().to_numpy(zero_copy_only=False)
        return pd.arrays.IntegerArray(column.fill_null(0).to_numpy(zero_copy_only=False), gaps)
    return column.to_numpy(zero_copy_only=False).astype("float64")


def _own_or(of_nodes: Any, column: pa.Array) -> Any:
    """Return what scores say, or what their nodes say where they say nothing."""
    gaps = column.is_null().to_numpy(zero_copy_only=False)
    if gaps.all():
        return of_nodes
    own = column.to_numpy(zero_copy_only=False)
    return pd.array(np.where(gaps, np.asarray(of_nodes, dtype=object), own).tolist(), dtype="str")


def _is_main(abouts: Sequence[Mapping[str, Any]], metrics: Any, nodes: Any) -> Any:
    """Return whether each row's metric is the node's main one; what older records say of it, or None."""
    names = pd.array([str(about.get("main_metric", "")) for about in abouts], dtype="str")
    same = np.asarray(metrics == names.take(nodes), dtype=bool)
    if all("main_metric" in about for about in abouts):
        return same
    known = np.array(["main_metric" in about for about in abouts], dtype=bool)[nodes]
    said = np.array([about.get("main") for about in abouts], dtype=object)[nodes]
    return np.where(known, same.astype(object), said)
