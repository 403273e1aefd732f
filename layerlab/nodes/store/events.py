"""Progress of nodes: JSON lines that workers append and anyone may read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

# Optimiser steps are reported at most this often.
STEP_SECONDS = 1.0
# What trackers alone show: it stands in records, too.
_UNWRITTEN = frozenset({"receipts", "point", "scores"})


def reporter(path: Path, *watching: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Return a function that appends events to a node's file; frequent step events are thinned out.

    Each of ``watching`` gets every event, too. Progress is no result: where it cannot be written, as on a
    full disk, the work goes on without.
    """
    last_step = float("-inf")

    def report(event: dict[str, Any]) -> None:
        write(event)
        for watch in watching:
            watch(event)

    def write(event: dict[str, Any]) -> None:
        nonlocal last_step
        if event.get("event") in _UNWRITTEN:
            return
        if event.get("event") == "step":
            now = time.monotonic()  # also where the clock is set back
            if now - last_step < STEP_SECONDS and event.get("step") != event.get("steps"):
                return
            last_step = now
        line = json.dumps({"time": round(time.time(), 3), **event}) + "\n"
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(line)

    return report


def last_event(path: Path) -> dict[str, Any] | None:
    """Return the newest whole event of a node; a line torn by a crash is passed over."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 8192))
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            return event
    return None
