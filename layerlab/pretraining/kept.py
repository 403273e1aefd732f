"""Encoders that a pretraining keeps on its way, in ``kept/<step>/`` of its folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from layerlab.files import publishing
from layerlab.pretraining.result import write_encoder
from layerlab.pretraining.steps import Parts

KEPT: Final = "kept"


def kept_folder(folder: str | Path, step: int) -> Path:
    """Return where a pretraining in a folder keeps its encoder after a step."""
    return Path(folder) / KEPT / str(step)


def keep_encoder(folder: Path, state: Path, parts: Parts, step: int) -> None:
    """Keep the encoder as it is after a step, unless it was kept before a kill; it appears all at once."""
    place = kept_folder(folder, step)
    if (place / "config.json").is_file():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with publishing(place, "config.json") as made:
        write_encoder(made, state, parts)


def hand_over(folder: Path, into: Path) -> None:
    """Put what was kept in one folder into another one too."""
    if (folder / KEPT).is_dir() and folder != into:
        copy_folder(folder / KEPT, into / KEPT)


def copy_folder(source: Path, folder: Path) -> None:
    """Copy a folder of files that never change: on one disk they take no room twice."""
    shutil.copytree(source, folder, copy_function=_link, dirs_exist_ok=True)


def _link(source: str, place: str) -> str:
    try:
        os.link(source, place)
    except OSError:  # another disk, or one without links
        shutil.copy2(source, place)
    return place
