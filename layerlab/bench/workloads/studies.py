"""Studies as contenders: ``layerlab run`` with its fast paths, without them, or without one of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from layerlab.bench.settings import BenchSettings, layerlab
from layerlab.bench.workload import Contender
from layerlab.bench.workloads.outcomes import read_study


def study_contenders(
    settings: BenchSettings, study: Path, seconds: float, *, begun: Path | None = None
) -> tuple[Contender, Contender]:
    """Return layerlab and its plain path on a study.

    Args:
        settings: Of the benchmark.
        study: The study's file.
        seconds: About how long the plain path takes.
        begun: A results directory that both go on from; None for none.
    """
    return (
        study_contender(settings, "layerlab", study, "all", 0.6 * seconds, begun=begun),
        study_contender(settings, "plain", study, "none", seconds, begun=begun),
    )


def study_contender(
    settings: BenchSettings,
    name: str,
    study: Path,
    shortcuts: str,
    seconds: float,
    *,
    begun: Path | None = None,
    only: Sequence[str] = (),
) -> Contender:
    """Return a contender that runs a study with some fast paths, or a part of it."""
    selected = [word for part in only for word in ("--only", part)]

    def command(folder: Path) -> list[str]:
        workers = () if settings.workers is None else ("--workers", settings.workers)
        results = folder / "results"
        return layerlab("run", study, "--results", results, f"--shortcuts={shortcuts}", *workers, *selected)

    prepare: Callable[[Path], None] = partial(_copy, begun) if begun is not None else _nothing
    return Contender(name, command, prepare, read_study, seconds)


def upos_study(
    name: str, treebanks: Path, languages: Sequence[str], encoder: str, ablations: Sequence[Any], **more: Any
) -> dict[str, Any]:
    """Return a study of UPOS in plain values; the first language is the source and a target too."""
    return {
        "name": f"bench-{name}",
        "models": [encoder],
        "tasks": ["upos"],
        "data": {"root": str(treebanks.resolve())},
        "sources": [languages[0]],
        "targets": list(languages),
        "ablations": list(ablations),
        **more,
    }


def _copy(begun: Path, folder: Path) -> None:
    shutil.copytree(begun, folder / "results")


def _nothing(folder: Path) -> None:
    """Prepare nothing."""
