"""How plan, status and records grow with a study: 1,000 runs to a million nodes, of invented scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from layerlab.analysis.index.file import INDEX
from layerlab.bench.corpora import languages_of
from layerlab.bench.settings import BenchSettings, layerlab, program
from layerlab.bench.workload import Contender, Goal, Workload, nothing
from layerlab.bench.workloads.inputs import call, make_treebanks
from layerlab.bench.workloads.start import many_runs
from layerlab.files import write_json

#: Runs of the studies; with their fits the largest has a million nodes.
SIZES: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {"small": (40, 80), "default": (1_000, 10_000, 100_000), "full": (1_000, 10_000, 100_000, 740_000)}
)
#: What is measured, and what it is called in figures.
VERBS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "plan": "plan",
        "first": "status, every record read",
        "status": "status, by the index",
        "records": "records into Parquet, by the index",
    }
)
# Wall seconds at most, and bytes are those of the plan.
_GOALS: Final = {"plan": 30.0, "status": 2.0, "records": 60.0}
_GOALS_AT: Final = 100_000


@dataclass(frozen=True)
class Point:
    """One verb on a study of one size."""

    verb: str
    runs: int

    @property
    def name(self) -> str:
        """As contenders are called."""
        return f"{self.verb}-{self.runs}"


def points(settings: BenchSettings) -> list[Point]:
    """Return what the workload measures."""
    return [Point(verb, runs) for runs in SIZES[settings.scale] for verb in VERBS]


def scale(settings: BenchSettings) -> Workload:
    """Return the workload."""
    place = settings.work / "scale"

    def prepare() -> None:
        sizes = {"train": 60, "dev": 20, "test": 20}
        make_treebanks(settings, place / "treebanks", languages_of(settings.data), sizes)
        for runs in SIZES[settings.scale]:
            study = place / f"{runs}.yaml"
            write_json(study, many_runs(settings, place, f"scale-{runs}", runs))
            if not (place / str(runs)).is_dir():
                call(program("invented", study, place / str(runs)))

    contenders = tuple(_contender(place, point) for point in points(settings))
    goals = tuple(
        Goal("wall", None, limit, Point(verb, _GOALS_AT).name)
        for verb, limit in _GOALS.items()
        if _GOALS_AT in SIZES[settings.scale]
    )
    sizes = ", ".join(f"{runs:,}" for runs in SIZES[settings.scale])
    about = f"plan, status and records of {sizes} runs with invented scores, and of their fits"
    return Workload("scale", "large studies", about, contenders, goals, prepare)


def _contender(place: Path, point: Point) -> Contender:
    study, results = place / f"{point.runs}.yaml", place / str(point.runs)

    def command(folder: Path) -> list[str]:
        return list(_words(point.verb, study, results, folder))

    return Contender(
        point.name,
        command,
        partial(_forget, results) if point.verb == "first" else nothing,
        seconds=2 + point.runs / 5_000,
    )


def _words(verb: str, study: Path, results: Path, folder: Path) -> Iterator[str]:
    if verb == "plan":
        yield from layerlab("plan", study, "--results", folder / "none")
    elif verb == "records":
        yield from layerlab("records", results, "-o", folder / "records.parquet")
    else:
        yield from layerlab("status", results)


def _forget(results: Path, folder: Path) -> None:
    """Remove the index, so that every record is read."""
    (results / INDEX).unlink(missing_ok=True)
