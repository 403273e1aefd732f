"""What each node of a study cost, where it ran and with which versions: one row a node."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from layerlab.analysis.stored.record import Record, Where, complete_nodes

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
    frame = pd.DataFrame([_row(one.read()) for one in complete_nodes(Path(path), everything)])
    first = ["kind", "id", "fit_id", *_COORDINATES]
    return frame.reindex(columns=[*first, *(name for name in frame.columns if name not in first)])


def _row(record: Record) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": record.kind, "id": record.id, "fit_id": record.about.get("fit_id")}
    row |= {name: _plain(record.about[name]) for name in _COORDINATES if name in record.about}
    for key, value in record.facts.items():
        if key == "versions" and isinstance(value, Mapping):
            row |= {f"version_{package}": version for package, version in value.items()}
        else:
            row[key] = _plain(value)
    return row


def _plain(value: Any) -> Any:
    """Return a scalar as it is and anything nested as JSON text."""
    return json.dumps(value, sort_keys=True) if isinstance(value, (Mapping, list, tuple)) else value
