"""What is damaged is moved out of the way, so that it is made again and can still be looked at."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final

from layerlab.files import write_text

FOLDER: Final = "damaged"
_WHY: Final = "why.txt"


def set_aside(root: Path, path: Path, why: str) -> None:
    """Move a damaged file or folder of a results directory into ``damaged/``, with the reason beside it."""
    where = path.relative_to(root)
    aside = root / FOLDER / f"{'-'.join(where.parts)}-{uuid.uuid4().hex[:8]}"
    aside.mkdir(parents=True)
    try:
        path.rename(aside / path.name)
    except FileNotFoundError:  # another process was first
        aside.rmdir()
        return
    write_text(aside / _WHY, f"{where}: {why}\n")


def describe_damage(root: Path) -> tuple[str, ...]:
    """Return what was set aside, why and where it is now, a line each."""
    try:
        names = sorted(os.listdir(root / FOLDER))
    except OSError:
        return ()
    found = []
    for name in names:
        why = f"{name}: for a reason that is not known"
        with suppress(OSError, ValueError):
            why = (root / FOLDER / name / _WHY).read_text(encoding="utf-8").strip()
        found.append(f"{why} (set aside in {FOLDER}/{name})")
    return tuple(found)
