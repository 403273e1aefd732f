"""The clock of a file system, which the times of its files go by; that of this host may be wrong."""

from __future__ import annotations

import functools
import os
import time
import uuid
from pathlib import Path
from typing import Final

from layerlab.processes import mark

#: How long the difference between two clocks is taken to stay the same.
_PERIOD: Final = 30.0


def seconds_since(path: Path) -> float:
    """Return how long ago a file was written, in seconds, by the clock that wrote its time.

    Raises:
        OSError: It is not there.
    """
    written = os.stat(path).st_mtime
    now = time.monotonic()
    return now + _offset(path.parent, int(now // _PERIOD)) - written


@functools.lru_cache(maxsize=16)
def _offset(folder: Path, period: int) -> float:
    """Return what to add to the monotonic clock for the time that a file written now would get.

    In a folder that cannot be written to it is this host's time.
    """
    probe = folder / f".tmp-{mark()}-{os.getpid()}-{uuid.uuid4().hex[:8]}-clock"
    try:
        probe.touch()
        try:
            return probe.stat().st_mtime - time.monotonic()
        finally:
            probe.unlink(missing_ok=True)
    except OSError:
        return time.time() - time.monotonic()
