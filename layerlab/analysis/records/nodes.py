"""What each node of a study cost, where it ran and with which versions: one row a node."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from layerlab.analysis.index.nodes import read_nodes
from layerlab.analysis.stored.record import Manifest, Stored, Where

if TYPE_CHECKING:
    import pyarrow as pa

_COORDINATES = ("study", "model", "task", "ablation", "source", "seed")


def load_nodes(path: Where, everything: bool = False) -> pd.DataFrame:
    """Read one row per node of a store: cost, hardware, versions, receipts.

    Scalars of a record's facts become columns (``seconds``, ``device``, ...), ``versions`` becomes
    ``version_torch`` and so on, and what is nested (``receipts``, ``history``) is kept as JSON text, so that
    the frame can be written to CSV.

    Args:
        path: A store's folder.
        everything: All complete nodes, not only those of the current plan.

    Returns:
        A frame with ``kind`` (such as "pretraining", "fit" or "run"), ``id``, the node's coordinates, and its
        facts.

    Raises:
        RecordsError: The folder is no store, or a record cannot be read.
    """
    store = Path(path)
    stored, table = read_nodes(store, Manifest.read(store), ("about", "facts"), everything)
    said = zip(stored, *map(_read, table.columns), strict=True)
    frame = pd.DataFrame([_row(one, {**about, **one.columns}, facts) for one, about, facts in said])
    first = ["kind", "id", "fit_id", *_COORDINATES]
    return frame.reindex(columns=[*first, *(name for name in frame.columns if name not in first)])


def _row(one: Stored, about: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": one.kind, "id": one.folder.name, "fit_id": about.get("fit_id")}
    row |= {name: _plain(about[name]) for name in _COORDINATES if name in about}
    for key, value in facts.items():
        if key == "versions" and isinstance(value, Mapping):
            row |= {f"version_{package}": version for package, version in value.items()}
        else:
            row[key] = _plain(value)
    return row


def _plain(value: Any) -> Any:
    """Return a scalar as it is and anything nested as JSON text."""
    return json.dumps(value, sort_keys=True) if isinstance(value, (Mapping, list, tuple)) else value


def _read(column: pa.ChunkedArray) -> Iterator[dict[str, Any]]:
    return map(json.loads, column.to_pylist())
