"""The files of a store, as they lie on disk."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

from layerlab.errors import RecordsError

Where = str | PathLike[str]


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises:
        RecordsError: The file cannot be read or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordsError(f"cannot read {path}: {error}") from error
    if not isinstance(value, dict):
        raise RecordsError(f"{path} holds a JSON {type(value).__name__}, expected an object")
    return value


def current_columns(store: Path) -> dict[str, dict[str, Any]]:
    """Return what the current plan calls its runs: columns of the records by run id.

    A run's id does not depend on names, so those in its record are the ones it was first run under. Manifests
    of older versions have no such columns.

    Raises:
        RecordsError: The manifest cannot be read or holds something else.
    """
    columns = read_json(store / "manifest.json").get("columns") or {}
    if not isinstance(columns, dict) or not all(isinstance(row, dict) for row in columns.values()):
        raise RecordsError(f"{store / 'manifest.json'}: expected an object of columns for each run")
    return columns


def node_folders(store: Path, kind: str, everything: bool) -> tuple[list[Path], int]:
    """List the folders of a store's complete nodes, and count the planned ones.

    Args:
        store: The store's folder.
        kind: ``"runs"``, ``"fits"`` or ``"pretrainings"``.
        everything: All complete nodes, not only those of the manifest.
    """
    manifest = read_json(store / "manifest.json")
    wanted = [str(name) for name in manifest.get(kind, [])]
    if everything:
        # A node that is being written carries a suffix; failures lie elsewhere, in failed/<id>.
        found = sorted(folder.name for folder in (store / kind).glob("*") if "." not in folder.name)
        folders = [store / kind / name for name in found]
    else:
        folders = [store / kind / name for name in wanted]
    return [folder for folder in folders if (folder / "record.json").is_file()], len(wanted)
