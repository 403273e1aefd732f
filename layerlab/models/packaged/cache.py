"""Where checkpoints that were made of packages' files are kept: whole or not there, checked, bounded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from layerlab.disk import check_writable
from layerlab.errors import CheckpointError
from layerlab.files import (
    digest_file,
    publishing,
    read_json,
    user_cache,
    write_json,
)

#: The most that checkpoints take together, in bytes; the longest unused go first.
MOST_BYTES: Final = 4_000_000_000
_MARKER: Final = "made.json"


@dataclass(frozen=True)
class KeptCheckpoint:
    """A checkpoint that is kept.

    Attributes:
        name: The encoder's.
        folder: Where it is.
        n_bytes: What it takes on the disk.
        used: When it was last asked for, in seconds since 1970.
    """

    name: str
    folder: Path
    n_bytes: int
    used: float


def cache_root() -> Path:
    """Return where checkpoints are kept: below ``LAYERLAB_CACHE``, or the user's cache folder."""
    return user_cache() / "encoders"


def cached_folder(name: str, key: str, write: Callable[[Path], None]) -> Path:
    """Return the folder that a function fills; it is called unless the folder is there already, and whole.

    Raises:
        CheckpointError: The cache cannot be written to.
    """
    folder = cache_root() / key / name
    if not _is_whole(folder):
        check_writable(folder.parent, CheckpointError)
        shutil.rmtree(folder, ignore_errors=True)
        with publishing(folder, marker=_MARKER) as beside:
            write(beside)
            files = {path.name: _describe(path) for path in sorted(beside.iterdir())}
            write_json(beside / _MARKER, files)
        _make_room(folder)
    os.utime(folder / _MARKER)
    return folder


def kept_checkpoints() -> tuple[KeptCheckpoint, ...]:
    """Return the checkpoints that are kept, the longest unused first."""
    return tuple(sorted(_look(), key=lambda one: one.used))


def remove_kept(kept: KeptCheckpoint) -> None:
    """Remove a checkpoint; it is made again when it is asked for."""
    away = kept.folder.with_name(f".removed-{os.getpid()}-{kept.folder.name}")
    kept.folder.rename(away)
    shutil.rmtree(away)
    if not any(kept.folder.parent.iterdir()):
        kept.folder.parent.rmdir()


def _look() -> Iterator[KeptCheckpoint]:
    for marker in cache_root().glob(f"*/[!.]*/{_MARKER}"):
        folder = marker.parent
        size = sum(path.stat().st_size for path in folder.iterdir())
        yield KeptCheckpoint(folder.name, folder, size, marker.stat().st_mtime)


def _make_room(folder: Path) -> None:
    """Remove what was not used for longest, beside the one that is asked for, until all take no more."""
    kept = kept_checkpoints()
    total = sum(one.n_bytes for one in kept)
    for one in kept:
        if total <= MOST_BYTES:
            return
        if one.folder != folder:
            remove_kept(one)
            total -= one.n_bytes


def _describe(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": digest_file(path)}


def _is_whole(folder: Path) -> bool:
    """Return whether a folder holds, to the last bit, what was written there."""
    if not (folder / _MARKER).is_file():
        return False
    try:
        files = read_json(folder / _MARKER, CheckpointError)
        return all(_describe(folder / name) == about for name, about in files.items())
    except (CheckpointError, OSError, AttributeError):
        return False
