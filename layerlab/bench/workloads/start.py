"""What is waited for before and after the work: (h) start, plans of many runs, a report on many runs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from layerlab.bench.corpora import languages_of
from layerlab.bench.settings import BenchSettings, layerlab, program
from layerlab.bench.workload import Contender, Goal, Workload
from layerlab.bench.workloads.inputs import call, make_treebanks, study_encoder
from layerlab.bench.workloads.studies import upos_study
from layerlab.files import write_json

N_LAYERS: Final = 12
# Ablations of a study of many runs: a baseline and each layer fresh, rewound and re-randomised.
_ABLATIONS: Final = 1 + 3 * N_LAYERS
#: Runs of the large plans and of the report.
RUNS: Final[Mapping[str, tuple[int, int, int]]] = MappingProxyType(
    {"small": (100, 200, 40), "default": (10_000, 100_000, 5_000), "full": (10_000, 100_000, 5_000)}
)


def start(settings: BenchSettings) -> Workload:
    """Return (h)."""
    place = settings.work / "h"
    small, large, reported = RUNS[settings.scale]
    counts = {"plan-10k": small, "plan-100k": large, "report-5k": reported}
    finished, done = place / "finished", place / "report-5k"

    def prepare() -> None:
        make_treebanks(
            settings, place / "treebanks", languages_of(settings.data), {"train": 60, "dev": 20, "test": 20}
        )
        write_json(place / "finished.yaml", _finished(settings, place))
        for name, runs in counts.items():
            write_json(place / f"{name}.yaml", many_runs(settings, place, name, runs))
        for study, results in ((place / "finished.yaml", finished), (place / "report-5k.yaml", done)):
            if not results.is_dir():
                call(program("synthetic", study, results))
                if results == finished:  # with its tables and figures, as a run leaves it
                    call(layerlab("run", study, "--results", results))

    def again(folder: Path) -> list[str]:
        return layerlab("run", place / "finished.yaml", "--results", folder / "results")

    contenders = (
        Contender("finished", again, lambda folder: _copy(finished, folder / "results"), seconds=4),
        Contender("help", lambda folder: layerlab("--help"), seconds=1),
        Contender("plan-10k", lambda folder: layerlab("plan", place / "plan-10k.yaml"), seconds=6),
        Contender("plan-100k", lambda folder: layerlab("plan", place / "plan-100k.yaml"), seconds=40),
        Contender(
            "report-5k", lambda folder: layerlab("report", done, "--output", folder / "report"), seconds=25
        ),
    )
    limits = {"finished": 3.0, "help": 0.5, "plan-10k": 5.0, "plan-100k": 30.0, "report-5k": 20.0}
    goals = tuple(Goal("wall", None, limit, name) for name, limit in limits.items())
    about = (
        f"a finished study of 14 fits run again, --help, plans of {small:,} and {large:,} runs, a report on "
        f"{reported:,} runs with invented scores"
    )
    return Workload("h", "start and end", about, contenders, goals, prepare)


def _finished(settings: BenchSettings, place: Path) -> dict[str, Any]:
    resets = [{"sweep": {"windows": 2}, "before": [{"reset": {"to": "random"}}]}]
    return _study(settings, place, "finished", ["none", *resets], 2)


def many_runs(settings: BenchSettings, place: Path, name: str, runs: int) -> dict[str, Any]:
    """Return a study of so many runs, or a few more, in plain values."""
    one_by_one = {"sweep": {"windows": 1}}
    ablations = [
        "none",
        {**one_by_one, "before": [{"reset": {"to": "random"}}]},
        {**one_by_one, "after": [{"reset": {"to": "pretrained"}}]},
        {**one_by_one, "after": [{"reset": {"to": "random"}}]},
    ]
    return _study(settings, place, name, ablations, -(-runs // _ABLATIONS))


def _study(
    settings: BenchSettings, place: Path, name: str, ablations: list[Any], n_seeds: int
) -> dict[str, Any]:
    languages, encoder = languages_of(settings.data), study_encoder(settings)
    seeds = list(range(n_seeds))
    return upos_study(f"h-{name}", place / "treebanks", languages, encoder, ablations, seeds=seeds)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
