"""Trajectories: scores on source dev and on every target while fits trained, as one tidy frame.

A store keeps them in ``trajectories/<id>/``, a published study in one ``trajectories.csv`` or ``.parquet``
beside its records.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from layerlab.analysis.index.nodes import complete_nodes
from layerlab.analysis.stored.cells import read_cells
from layerlab.analysis.stored.frame_files import SUFFIXES, read_frame, write_frame
from layerlab.analysis.stored.record import Stored, Where
from layerlab.errors import RecordsError

POINTS: Final = "points.parquet"  # in a trajectory's folder
FILE: Final = "trajectories"  # of a published study, with the suffix .csv or .parquet

_TEXT = (
    "study", "trajectory_id", "fit_id", "model", "task", "ablation", "phase", "intervention", "layers",
    "donor", "source", "sweep", "options", "place", "target", "split", "metric",
)  # fmt: skip
_INTEGERS = ("first_layer", "last_layer", "seed", "step", "n")
_BOOLEANS = ("competes", "chosen", "main")
_OF_POINTS = ("step", "epoch", "place", "competes", "chosen", "target", "split", "metric", "value", "n")
TRAJECTORY_COLUMNS: Final = (
    "study", "trajectory_id", "fit_id", "model", "task", "ablation", "phase", "intervention", "layers",
    "first_layer", "last_layer", "donor", "source", "seed", "step", "epoch", "place", "competes", "chosen",
    "target", "split", "metric", "value", "n", "sweep", "options", "main",
)  # fmt: skip

#: What makes a row unique.
TRAJECTORY_KEY: Final = ("study", "trajectory_id", "step", "place", "target", "split", "metric")


def load_trajectories(path: Where, everything: bool = False) -> pd.DataFrame:
    """Read the trajectories of a study: one row a fit, point, target and metric.

    Args:
        path: A store, a folder with ``trajectories.csv`` or ``trajectories.parquet``, such a file, or a file
            of records beside one.
        everything: Take all complete trajectories of a store, not only those of its current plan.

    Returns:
        A frame with the columns ``TRAJECTORY_COLUMNS``. ``ablation`` is the one that the fit is of: fits that
        only ablations after fine-tuning share are called ``none``. ``step`` counts the optimiser steps that
        were taken and ``epoch`` the passes over the training split, 1.0 at the end of the first. ``place`` is
        ``epoch`` at the end of one, ``step`` in between, and ``average`` for the mean of weights that was
        kept. ``split`` is ``dev`` for the source, and ``test`` for targets. ``competes`` says whether the
        epoch could be kept, ``chosen`` whether it was.

    Raises:
        RecordsError: There are none, or something that is none.
    """
    frame = find_trajectories(path, everything)
    if frame is None:
        raise RecordsError(
            f"{path} has no trajectories; a study records them with `trajectory: epochs` or "
            "`trajectory: {steps: N}`"
        )
    return frame


def find_trajectories(path: Where, everything: bool = False) -> pd.DataFrame | None:
    """Read the trajectories of a study, as ``load_trajectories`` does; None if there are none.

    Raises:
        RecordsError: Something is no trajectory.
    """
    folder = Path(path)
    if (folder / "manifest.json").is_file():
        stored = complete_nodes(folder, everything)
        parts = [_read_stored(one) for one in stored if (one.folder / POINTS).is_file()]
        return _typed(pd.concat(parts, ignore_index=True), str(path)) if parts else None
    if not folder.is_dir() and folder.stem == FILE:
        return _typed(read_frame(folder, "trajectories"), str(folder))
    beside = folder if folder.is_dir() else folder.parent
    files = [beside / f"{FILE}{suffix}" for suffix in reversed(SUFFIXES)]
    there = (file for file in files if file.is_file())
    return next((_typed(read_frame(file, "trajectories"), str(file)) for file in there), None)


def write_trajectories(frame: pd.DataFrame, path: Where) -> Path:
    """Write trajectories to ``.csv`` or ``.parquet``, by the suffix; equal ones give equal files.

    Raises:
        RecordsError: Another suffix, or a frame that is not one of trajectories.
    """
    ordered = _typed(frame, "the trajectories").sort_values(
        list(TRAJECTORY_KEY), kind="stable", ignore_index=True
    )
    return write_frame(ordered, Path(path), "trajectories")


def _read_stored(one: Stored) -> pd.DataFrame:
    """Read one complete trajectory, with the names that the current plan gives it."""
    about = one.read().about
    points = read_frame(one.folder / POINTS, "trajectories")
    missing = [name for name in _OF_POINTS if name not in points.columns]
    if missing:
        raise RecordsError(f"{one.folder / POINTS} lacks the columns {', '.join(missing)}")
    named = {name: about.get(name) for name in TRAJECTORY_COLUMNS if name not in _OF_POINTS}
    main = points["metric"] == about.get("main_metric")
    return points.assign(**{**named, "trajectory_id": one.folder.name, "main": main})


def _typed(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Give the columns their types and order; text is never missing."""
    missing = [name for name in TRAJECTORY_COLUMNS if name not in frame.columns]
    if missing:
        raise RecordsError(f"{where}: trajectories lack the columns {', '.join(missing)}")
    typed = read_cells(
        frame, TRAJECTORY_COLUMNS, where, text=_TEXT, integers=_INTEGERS, booleans=_BOOLEANS
    ).drop_duplicates(ignore_index=True)
    twice = typed[typed.duplicated(list(TRAJECTORY_KEY))]
    if len(twice):
        row = twice.iloc[0]
        raise RecordsError(
            f"{where}: trajectory {row['trajectory_id']} has two different rows for step {row['step']}, "
            f"target {row['target']}, metric {row['metric']}"
        )
    return typed
