"""Processes that claim a few leases over and over and often die with one; counts those that were not alone.

    python tests/nodes/store/lease_stress.py FOLDER PROCESSES SECONDS

Prints claims, deaths and violations: each holder writes its name down and looks whether another one is there.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

from layerlab.nodes.store.lease import claim
from layerlab.processes import born

NAMES = ("a",)


def work(folder: Path, seed: int, deadline: float) -> None:
    """Claim leases until the time is over, or death."""
    chance = random.Random(seed)
    while time.monotonic() < deadline:
        name = chance.choice(NAMES)
        with claim(folder / "leases" / name) as mine:
            if mine:
                enter(folder, name)
                time.sleep(chance.choice((0, 0.0005)))
                if chance.random() < 0.1:
                    note(folder, "deaths")
                    os._exit(9)
                leave(folder, name)


def enter(folder: Path, name: str) -> None:
    """Write down that this process holds a lease; whoever held it before has left or is dead."""
    note(folder, "claims")
    inside = read(folder, name)
    if inside and born(int(inside)):
        note(folder, "violations")
    (folder / name).write_text(str(os.getpid()))


def leave(folder: Path, name: str) -> None:
    """Write down that this process holds a lease no more; nobody else has entered."""
    if read(folder, name) != str(os.getpid()):
        note(folder, "violations")
    (folder / name).write_text("")


def read(folder: Path, name: str) -> str:
    """Return the process that is written down."""
    return (folder / name).read_text() if (folder / name).exists() else ""


def note(folder: Path, what: str) -> None:
    """Count something, also if the process dies next."""
    with (folder / what).open("ab", buffering=0) as file:
        file.write(b".")


def main() -> None:
    """Keep so many processes at it and print what they counted."""
    folder, n_processes, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    deadline, seed, living = time.monotonic() + seconds, 0, 0
    while living or time.monotonic() < deadline:
        while living < n_processes and time.monotonic() < deadline:
            seed, living = seed + 1, living + 1
            if os.fork() == 0:
                work(folder, seed, deadline)
                os._exit(0)
        if living:
            os.wait()
            living -= 1
    counts = [(folder / what).stat().st_size if (folder / what).exists() else 0 for what in COUNTED]
    print(" ".join(f"{what}={count}" for what, count in zip(COUNTED, counts, strict=True)))


COUNTED = ("claims", "deaths", "violations")

if __name__ == "__main__":
    main()
