"""What each node of a study cost, where it ran and with which versions: one row a node."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from layerlab.analysis.stored import Where, current_columns, node_folders, read_json

_COORDINATES = ("study", "model", "task", "ablation", "source", "seed")


def load_nodes(path: Where, everything: bool = False) -> pd.DataFrame:
    """Read one row per pretraining, fit and run of a store: cost, hardware, versions, receipts.

    Scalars of a record's ``node`` become columns (``seconds``, ``device``, ...), ``versions`` becomes
    ``version_torch`` and so on, and what is nested (``receipts``, ``history``) is kept as JSON text, so that
    the frame can be written to CSV.

    Args:
        path: A store's folder.
        everything: All complete nodes, not only those of the current plan.

    Returns:
        A frame with ``kind`` ("pretraining", "fit" or "run"), ``id``, the node's coordinates, and its facts.

    Raises:
        RecordsError: The folder is no store, or a record cannot be read.
    """
    rows: list[dict[str, Any]] = []
    current = {"run": current_columns(Path(path))}
    for kind, folder_name in (("pretraining", "pretrainings"), ("fit", "fits"), ("run", "runs")):
        folders, _ = node_folders(Path(path), folder_name, everything)
        for folder in folders:
            record = read_json(folder / "record.json")
            rows.append(_row(kind, folder.name, record, current.get(kind, {}).get(folder.name, {})))
    frame = pd.DataFrame(rows)
    first = ["kind", "id", "fit_id", *_COORDINATES]
    return frame.reindex(columns=[*first, *(name for name in frame.columns if name not in first)])


def _row(kind: str, name: str, record: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    about: Mapping[str, Any] = {**(record.get(kind) or {}), **current}
    # A pretraining is no part of one fit.
    fit_id = about.get("fit_id", None if kind == "pretraining" else name)
    row: dict[str, Any] = {"kind": kind, "id": name, "fit_id": fit_id}
    row |= {column: _plain(about[column]) for column in _COORDINATES if column in about}
    for key, value in (record.get("node") or {}).items():
        if key == "versions" and isinstance(value, Mapping):
            row |= {f"version_{package}": version for package, version in value.items()}
        else:
            row[key] = _plain(value)
    return row


def _plain(value: Any) -> Any:
    """Give a scalar as it is and anything nested as JSON text."""
    return json.dumps(value, sort_keys=True) if isinstance(value, (Mapping, list, tuple)) else value
