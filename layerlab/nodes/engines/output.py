"""What workers print: where it goes, and its end for the message of a crash."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def write_to(path: str) -> None:
    """Send what this process prints to a new file; where none can be made, it goes where it went."""
    try:
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    except OSError:
        return
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def flush() -> None:
    """Write out what was printed."""
    sys.stdout.flush()
    sys.stderr.flush()


def tail_of(log: Path) -> str:
    """Return the end of a log; "" where there is none."""
    try:
        return log.read_text(encoding="utf-8", errors="replace")[-4000:]
    except OSError:
        return ""
