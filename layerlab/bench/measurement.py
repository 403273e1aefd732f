"""One measurement: a contender, once; kept as a file, so that it is not made again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from layerlab.errors import StoreError
from layerlab.files import read_json, write_json
from layerlab.validation import validate

if TYPE_CHECKING:
    import pandas as pd


class Measurement(BaseModel):
    """What a contender used in one repeat, and what it computed.

    Attributes:
        workload: Name of the workload.
        contender: Name of the contender.
        repeat: 1-based.
        good: Whether it ended well.
        message: What went wrong; empty if nothing did.
        wall_seconds: From start to end.
        cpu_seconds: Of all its processes.
        largest_bytes: Peak memory of its largest process.
        together_bytes: Peak memory of all its processes at once, sampled; None where it is not known.
        steps: Optimiser steps.
        score: Mean of its scores, as a fraction.
        tokens_per_second: Trained on.
        needed_flops: Floating-point operations that the work needs, counted from shapes.
        rate_flops: Operations a second of large matrix products, measured before this repeat.
        threads: Threads of that measure.
        load: Processes that wanted a core in the minute before.
        started: Local time.
        commit: Of layerlab; None for an installed package.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workload: str
    contender: str
    repeat: int
    good: bool
    message: str = ""
    wall_seconds: float
    cpu_seconds: float
    largest_bytes: int
    together_bytes: int | None = None
    steps: int | None = None
    score: float | None = None
    tokens_per_second: float | None = None
    needed_flops: float | None = None
    rate_flops: float | None = None
    threads: int | None = None
    load: float | None = None
    started: str
    commit: str | None = None

    @property
    def share(self) -> float | None:
        """The needed operations at the measured rate, as a fraction of the wall time."""
        if not self.needed_flops or not self.rate_flops:
            return None
        return self.needed_flops / self.rate_flops / self.wall_seconds


def file_of(folder: Path, workload: str, contender: str, repeat: int) -> Path:
    """Return where a measurement is kept."""
    return folder / "measurements" / f"{workload}-{contender}-{repeat}.json"


def keep(folder: Path, measurement: Measurement) -> None:
    """Write a measurement."""
    one = measurement
    write_json(file_of(folder, one.workload, one.contender, one.repeat), one.model_dump())


def read_measurement(path: Path) -> Measurement | None:
    """Read a measurement; None if there is none.

    Raises:
        StoreError: The file is damaged.
    """
    if not path.is_file():
        return None
    made, problems = validate(Measurement, read_json(path, StoreError))
    if made is None:
        raise StoreError(f"{path} is no measurement: {problems[0]}; remove it to measure again")
    return made


def frame_of(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """Return the tidy frame: one row a measurement."""
    import pandas as pd

    rows = [{**one.model_dump(), "share": one.share} for one in measurements]
    return pd.DataFrame(rows, columns=[*Measurement.model_fields, "share"])
