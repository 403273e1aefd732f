"""What a call of the benchmark measures: scale, data, encoder, processes and threads."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from layerlab.errors import Problem, StudyError, unknown

Scale = Literal["small", "default", "full"]
SCALES: Final[tuple[str, ...]] = get_args(Scale)


@dataclass(frozen=True)
class BenchSettings:
    """What is measured, and where it is written.

    Attributes:
        folder: Gets the results, and what is needed to get them.
        scale: ``small`` shows that it runs, ``full`` has the sizes of a study.
        data: Folder of treebanks; None for controlled languages.
        encoder: Encoder of the workload with a large vocabulary; None for one with random weights.
        repeats: How often each contender is measured.
        workers: Processes of layerlab; None for its default.
        threads: Threads of each process; None for the defaults of the contenders.
    """

    folder: Path
    scale: Scale = "default"
    data: Path | None = None
    encoder: str | None = None
    repeats: int = 2
    workers: int | None = None
    threads: int | None = None

    def identity(self) -> dict[str, Any]:
        """Return what must be the same for measurements to be compared."""
        return {
            "scale": self.scale,
            "data": None if self.data is None else str(self.data.resolve()),
            "encoder": self.encoder,
            "workers": self.workers,
            "threads": self.threads,
        }

    @property
    def work(self) -> Path:
        """The folder of what is made on the way."""
        return self.folder / "work"


def read_settings(
    folder: Path,
    scale: str,
    data: Path | None,
    encoder: str | None,
    repeats: int,
    workers: int | None,
    threads: int | None,
) -> BenchSettings:
    """Return the settings of a call.

    Raises:
        StudyError: There is no such scale.
    """
    if scale not in SCALES:
        raise StudyError([Problem("--scale", unknown("scale", scale, SCALES))], "layerlab bench")
    if encoder is not None and Path(encoder).exists():
        encoder = str(Path(encoder).resolve())
    return BenchSettings(folder, cast(Scale, scale), data, encoder, repeats, workers, threads)


def layerlab(*arguments: object) -> list[str]:
    """Return a command line of layerlab, as its users call it."""
    return [sys.executable, "-m", "layerlab", *map(str, arguments)]


def program(name: str, *arguments: object) -> list[str]:
    """Return the command line of one of the benchmark's own programs."""
    return [sys.executable, "-m", f"layerlab.bench.programs.{name}", *map(str, arguments)]
