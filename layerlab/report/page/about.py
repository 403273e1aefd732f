"""What a report shows in addition to the records: the study file, cost and hardware, failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd

from layerlab.analysis.effects.sweeps import select_scores
from layerlab.analysis.records.nodes import load_nodes
from layerlab.analysis.records.trajectories import find_trajectories
from layerlab.analysis.sentences.counts import find_counts
from layerlab.analysis.stored.frame_files import read_csv
from layerlab.analysis.stored.record import Manifest, Where, read_json
from layerlab.analysis.stored.seal import fault_of
from layerlab.config import read_yaml
from layerlab.errors import RecordsError, StudyError
from layerlab.names import plural

#: Runs of a store whose counts of sentences are read, a file each.
MOST_COUNTED: Final = 20_000
_NO_COUNTS: Final = (
    f"Left out: counts of sentences, which are read of {MOST_COUNTED:,} runs at most; here are {{:,}}. "
    "Intervals are over seeds alone."
)


@dataclass(frozen=True)
class About:
    """What a report shows of a study in addition to its records.

    Attributes:
        settings: The study file as it was run; empty where it is not there.
        nodes: One row per pretraining, fit and run, as ``layerlab.analysis.records.nodes.load_nodes`` gives
            it; empty where it is not there.
        failures: What failed, one line each.
        planned: Runs that the plan asks for; None where no plan is known.
        complete: Runs of them that are there; None where no plan is known.
        trajectories: Scores along training; None where there are none.
        counts: What each test sentence contributes to the scores of tables; None where that is not known.
        left_out: What is left out of the report for its size, a sentence each.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    nodes: pd.DataFrame = field(default_factory=pd.DataFrame)
    failures: tuple[str, ...] = ()
    planned: int | None = None
    complete: int | None = None
    trajectories: pd.DataFrame | None = None
    counts: pd.DataFrame | None = None
    left_out: tuple[str, ...] = ()

    @property
    def incomplete(self) -> bool:
        """Whether runs are known to be missing."""
        return self.planned is not None and self.complete is not None and self.complete < self.planned


def read_about(path: Where, frame: pd.DataFrame) -> About:
    """Read the files next to the records of a study: of a store, a published study's folder or a file.

    For a file, the study file and the nodes next to it are used if they belong to a study in the records.

    Raises:
        RecordsError: A file that is there cannot be read.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    settings = read_settings(path, frame)
    if path.is_file() and not settings:
        return About()
    trajectories = find_trajectories(path)
    n_runs, is_store = frame["run_id"].nunique(), (path / "manifest.json").is_file()
    left_out = (_NO_COUNTS.format(n_runs),) if is_store and n_runs > MOST_COUNTED else ()
    counts = None if left_out else find_counts(path, set(select_scores(frame)["metric"]))
    if not (folder / "manifest.json").is_file():
        return About(settings, _read_nodes(folder / "nodes.csv"), trajectories=trajectories, counts=counts)
    runs = (frame.attrs.get("planned"), frame.attrs.get("complete")) if path.is_dir() else (None, None)
    return About(settings, load_nodes(folder), _read_failures(folder), *runs, trajectories, counts, left_out)


def read_settings(path: Path, frame: pd.DataFrame) -> dict[str, Any]:
    """Read the study file of records as plain values; nothing is checked, since it was when the study ran.

    Returns:
        Nothing without one, or where the records are a file and the study next to it is none of theirs.

    Raises:
        RecordsError: It cannot be read.
    """
    file = (path if path.is_dir() else path.parent) / "study.yaml"
    if not file.is_file():
        return {}
    try:
        settings = read_yaml(file, "study file")[0]
    except StudyError as error:
        problems = "; ".join(map(str, error.problems))
        raise RecordsError(f"cannot read {file}: {problems}") from error
    return {} if path.is_file() and settings.get("name") not in set(frame["study"]) else settings


def _read_nodes(path: Path) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame()
    try:
        return read_csv(path)
    except (ValueError, pd.errors.ParserError) as error:
        raise RecordsError(f"cannot read {path}: {error}") from error


def _read_failures(store: Path) -> tuple[str, ...]:
    """List the failures of nodes that belong to the current plan and are not complete."""
    found = []
    failed = {path.name for path in (store / "failed").glob("*")}
    for kind, ids in Manifest.read(store).nodes.items() if failed else ():
        for name in filter(failed.__contains__, ids):
            path = store / "failed" / name / "error.json"
            if path.is_file() and fault_of(store / plural(kind) / name) is not None:
                found.append(_describe(path, name))
    return tuple(found)


def _describe(path: Path, name: str) -> str:
    """Return one line on a failure; the file may be damaged."""
    try:
        failure = read_json(path)
    except RecordsError:
        return f"{name}: failed for a reason that cannot be read"
    return f"{failure.get('title')}: {failure.get('error')}: {failure.get('message')}"
