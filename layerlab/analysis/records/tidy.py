"""Tidy records: one row per run x target x metric (x layer), read, checked and written.

A store holds ``manifest.json`` (the runs of the current plan) and ``runs/<run_id>/record.json``; a
published study holds ``records.csv`` or ``records.parquet``. All three give the same frame: values are
fractions, nothing is formatted, text is never missing (``""``), and integers that may be missing are
``Int64``. Language codes such as ``nan`` and ``no`` stay text.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import pandas as pd

from layerlab.analysis.index.nodes import read_nodes
from layerlab.analysis.records.columns import COLUMNS, KEY, KINDS
from layerlab.analysis.records.dataset import is_dataset, read_dataset, write_dataset
from layerlab.analysis.records.measured import upgrade_alignment
from layerlab.analysis.records.nodes import load_nodes as load_nodes
from layerlab.analysis.records.spread import spread
from layerlab.analysis.records.upgrade import NEWER, upgrade
from layerlab.analysis.stored.cells import read_cells
from layerlab.analysis.stored.frame_files import read_frame, write_frame
from layerlab.analysis.stored.record import Manifest, Where
from layerlab.analysis.stored.remote import local_of
from layerlab.errors import RecordsError

BASELINE = "none"  # the name of the ablation that changes nothing


def load_records(path: Where | Sequence[Where], everything: bool = False) -> pd.DataFrame:
    """Read records from a store, a published study, a file, or several of them.

    Runs of a store's current plan have the names of that plan, even if they were run before a renaming;
    other runs keep the names of their records.

    Args:
        path: A store folder, a folder with ``records.csv`` or ``records.parquet``, such a file, or a
            sequence of these, which are concatenated (rows that occur twice are kept once). Folders of
            records that were parted by columns, and URLs such as ``s3://bucket/study``, are read, too.
        everything: Take all complete runs of a store, not only those of its current plan.

    Returns:
        The tidy frame, with the columns ``COLUMNS``; ``attrs["planned"]`` and ``attrs["complete"]`` count
        the runs of the stores' plans and those of them that are there.

    Raises:
        RecordsError: Nothing there to read, or something that is not a record.
    """
    paths = [path] if isinstance(path, (str, PathLike)) else list(path)
    if not paths:
        raise RecordsError("no records asked for: got an empty sequence of paths")
    frames, planned, complete = [], 0, 0
    for one in map(local_of, paths):
        frame, wanted = _load_one(one, everything)
        frames.append(validate_records(frame, str(one)))
        planned += wanted
        complete += frames[-1]["run_id"].nunique()
    frame = frames[0] if len(frames) == 1 else validate_records(pd.concat(frames), "the records together")
    frame.attrs.update(planned=planned, complete=complete)
    return frame


def empty_records() -> pd.DataFrame:
    """Return a frame of records without rows, with all columns and their types."""
    return validate_records(pd.DataFrame({name: [] for name in COLUMNS}))


def validate_records(frame: pd.DataFrame, where: str = "the records") -> pd.DataFrame:
    """Check a frame of records, called so in messages, and give it the right types and order of columns.

    Columns of ``NEWER`` are filled in, as ``layerlab.analysis.records.upgrade`` finds them; unknown ones are
    dropped.

    Raises:
        RecordsError: A column is missing, a number is not one, or one row occurs with two values.
    """
    frame = upgrade_alignment(frame)
    missing = [name for name in COLUMNS if name not in (*frame.columns, *NEWER)]
    if missing:
        extra = [str(name) for name in frame.columns if name not in COLUMNS]
        others = f"; it has others: {', '.join(extra)}" if extra else ""
        raise RecordsError(f"{where} lack the columns {', '.join(missing)}{others}")
    frame = upgrade(frame)
    return _once(read_cells(frame, COLUMNS, where, **KINDS), where)


def write_records(frame: pd.DataFrame, path: Where, by: Sequence[str] = ()) -> Path:
    """Write records to ``.csv`` or ``.parquet``, by the suffix; equal records give equal files.

    Args:
        frame: The records.
        path: A file; with columns, a new folder.
        by: Columns that the records are parted by, in Parquet.

    Raises:
        RecordsError: Another suffix, no such column, a folder that holds something, or a frame that is not
            one of records.
    """
    frame = validate_records(frame).sort_values(list(KEY), kind="stable", ignore_index=True)
    if by:
        return write_dataset(frame, Path(path), by)
    return write_frame(frame, Path(path), "records")


def _load_one(path: Path, everything: bool) -> tuple[pd.DataFrame, int]:
    """Read one place, and count the runs that its plan asks for."""
    if path.is_dir():
        if (path / "manifest.json").is_file():
            manifest = Manifest.read(path)
            planned = sum(len(manifest.nodes.get(kind, ())) for kind in manifest.scored)
            stored, table = read_nodes(path, manifest, ("about", "scores"), everything, scored=True)
            return spread(stored, table, str(path)), planned
        files = [path / "records.parquet", path / "records.csv"]
        path = next((file for file in files if file.is_file() or is_dataset(file)), path)
    if is_dataset(path):
        frame = read_dataset(path)
    elif path.is_dir():
        raise RecordsError(
            f"{path} holds no records: expected manifest.json (a store), records.csv or records.parquet"
        )
    elif not path.exists():
        raise RecordsError(f"{path} does not exist; expected a store, a .csv or a .parquet file")
    else:
        frame = read_frame(path, "records")
    return frame, frame["run_id"].nunique() if "run_id" in frame.columns else 0


def _once(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Keep rows that occur twice once; refuse one row with two values."""
    if not frame.duplicated(list(KEY)).any():
        return frame
    # What older and newer records say of one ablation may differ.
    frame = frame.drop_duplicates([name for name in COLUMNS if name not in NEWER], ignore_index=True)
    clash = frame[frame.duplicated(list(KEY))]
    if len(clash):
        row = clash.iloc[0]
        raise RecordsError(
            f"{where}: run {row['run_id']} has two different rows for target {row['target']}, split "
            f"{row['split']}, metric {row['metric']}"
        )
    return frame
