"""A workload of contenders that do nothing, and measurements of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from layerlab.bench.measurement import Measurement
from layerlab.bench.settings import BenchSettings
from layerlab.bench.workload import Contender, Goal, Outcome, Workload


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-E", "-c", code]


def stub_workload(settings: BenchSettings) -> Workload:
    """Three contenders: one works, one leaves a file that is read, one fails."""

    def write(folder: Path) -> list[str]:
        return python(f"open({str(folder / 'steps')!r}, 'w').write('7')")

    return Workload(
        "stub",
        "nothing",
        "no size",
        (
            Contender("layerlab", lambda folder: python("pass")),
            Contender(
                "trainer", write, read=lambda folder: Outcome(int((folder / "steps").read_text()), 0.5)
            ),
            Contender("broken", lambda folder: python("raise SystemExit('the disk is full')")),
        ),
        (Goal("wall", "trainer", 0.01), Goal("cpu", "broken", 1.0)),
    )


def made(contender: str, repeat: int, wall: float, **fields: Any) -> Measurement:
    """One good measurement of workload ``stub``."""
    return Measurement(
        workload="stub",
        contender=contender,
        repeat=repeat,
        started="2026-01-01T00:00:00",
        wall_seconds=wall,
        **{"good": True, "cpu_seconds": 2 * wall, "largest_bytes": 10**9, **fields},
    )
