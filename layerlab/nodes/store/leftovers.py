"""What killed processes leave in a results directory, and nobody goes on with."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from layerlab.files import remove, sweep
from layerlab.nodes.store.lease import drop_stale
from layerlab.nodes.store.runners import FOLDER, drop_requests
from layerlab.nodes.store.store import Store
from layerlab.processes import born, mark


def sweep_leftovers(store: Store, done: Collection[str]) -> None:
    """Remove half-written files, leases of processes that are gone, and checkpoints of complete nodes.

    What a living process is at stays, as does anything of a process elsewhere for as long as it may live.

    Args:
        store: The results directory.
        done: Ids of complete nodes.
    """
    store.sweep_removed()
    sweep_drafts(store.root)
    drop_stale(store.root / "leases")
    drop_stale(store.root / FOLDER)
    drop_requests(store)
    for folder in _folders(store.root / "work"):
        if folder.name in done:
            remove(folder)
    for left in (store.root / "logs").glob(f"*-{mark()}-*"):
        process = left.stem.rpartition("-")[2]
        if process.isdigit() and not born(int(process)) and left.stat().st_size == 0:
            remove(left)


def sweep_drafts(root: Path) -> None:
    """Remove what processes that are gone were writing: it takes room and becomes nothing."""
    for places in ("", "*/", "work/*/", "work/*/*/", "failed/*/", "cache/*/"):
        sweep(root.glob(f"{places}.tmp-*"))


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
