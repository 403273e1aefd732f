"""Counts of sentences: what each test sentence contributes to the scores of each run.

A run of a store keeps them in ``runs/<run_id>/counts.parquet``, a published study in one ``counts.npz`` or
``counts.parquet``. With them intervals are over test sentences too, see
:mod:`layerlab.analysis.sentences.hierarchical` and :mod:`layerlab.analysis.significance.resampling`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import union_categoricals

from layerlab.analysis.index.nodes import complete_nodes
from layerlab.analysis.sentences.packed import read_packed, write_packed
from layerlab.analysis.significance.resampling import PART, SENTENCE_COLUMNS
from layerlab.analysis.stored.record import Stored, Where
from layerlab.analysis.stored.seal import changed_files
from layerlab.errors import RecordsError, unknown
from layerlab.files import replacing

COUNTS = "counts.parquet"  # in a run's folder; of older versions also beside a published study's records
PACKED = "counts.npz"  # beside a published study's records
COUNT_COLUMNS = (*SENTENCE_COLUMNS, PART)
_NAMES = ("study", "run_id", "target", "metric", PART)
_NUMBERS = ("sentence", "hits", "total")


def load_counts(
    path: Where, *, metrics: Iterable[str] | None = None, everything: bool = False
) -> pd.DataFrame:
    """Read the counts of sentences of a study.

    Args:
        path: A store, a folder with ``counts.npz`` or ``counts.parquet``, such a file, or a file of records
            beside one.
        metrics: Only of these metrics; none means all.
        everything: Take all complete runs of a store, not only those of its current plan.

    Returns:
        One row per run x target x metric x part x sentence, with the columns ``COUNT_COLUMNS``: ``sentence``
        counts from 0 in the order of the corpus, and a score is the mean over its parts (nearly always one)
        of the sum of ``hits`` over the sum of ``total``.

    Raises:
        RecordsError: There are no counts, as in studies that were run before counts were kept, or something
            that is none.
    """
    wanted = None if metrics is None else set(metrics)
    frame = _load(Path(path), wanted, everything)
    if frame is None:
        folder = _folder(Path(path))
        raise RecordsError(f"{path} has no counts of sentences: expected {folder / PACKED} or {COUNTS} there")
    for name in sorted((wanted or set()) - set(frame["metric"])):
        known = set(load_counts(path, everything=everything)["metric"])
        raise RecordsError(f"{path}: {unknown('metric in the counts of sentences', name, known)}")
    return frame


def find_counts(path: Where, metrics: Iterable[str] | None = None) -> pd.DataFrame | None:
    """Read the counts of a study, all or those of some metrics; None where it has none.

    Raises:
        RecordsError: Counts that are there cannot be read.
    """
    path = Path(path)
    if (path / "manifest.json").is_file() and not any(_kept(path, everything=False)):
        return None
    frame = _load(path, None if metrics is None else set(metrics), everything=False)
    return None if frame is None or frame.empty else frame


def write_counts(frame: pd.DataFrame, path: Where) -> Path:
    """Write counts to one ``.npz`` file, which is small, or to ``.parquet``; equal counts give equal files.

    Raises:
        RecordsError: Another suffix, or a column is missing.
    """
    path = Path(path)
    if path.suffix not in (".npz", ".parquet"):
        raise RecordsError(f"cannot write counts to {path}: expected the suffix .npz or .parquet")
    frame = _typed(frame, COUNT_COLUMNS, "the counts")
    if path.suffix == ".npz":
        return write_packed(frame, path)
    ordered = frame.sort_values(
        ["study", "target", "metric", "run_id", PART, "sentence"], kind="stable", ignore_index=True
    )
    with replacing(path) as beside:
        ordered.to_parquet(beside, index=False, compression="zstd")
    return path


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _load(path: Path, metrics: set[str] | None, everything: bool) -> pd.DataFrame | None:
    """Read the counts of a place; None where a published study or a file has none."""
    if (path / "manifest.json").is_file():
        return _of_store(path, metrics, everything)[list(COUNT_COLUMNS)]
    files = [_folder(path) / PACKED, _folder(path) / COUNTS]
    if path.suffix in (".npz", ".parquet") and path.name != "records.parquet":
        files = [path]
    file = next((one for one in files if one.is_file()), None)
    if file is None:
        return None
    if file.suffix == ".npz":
        return _typed(read_packed(file, metrics), COUNT_COLUMNS, str(file))
    return _read(file, metrics, COUNT_COLUMNS)[list(COUNT_COLUMNS)]


def _kept(store: Path, everything: bool) -> Iterator[Stored]:
    """Yield the runs of a store that have counts."""
    for one in complete_nodes(store, everything, scored=True):
        if (one.folder / COUNTS).is_file():
            yield one


def _of_store(store: Path, metrics: set[str] | None, everything: bool) -> pd.DataFrame:
    parts = []
    for one in _kept(store, everything):
        if changed := changed_files(one.folder):
            raise RecordsError(
                f"{one.folder}: {', '.join(changed)}: not what was written; remove this folder and run "
                "the study again"
            )
        study = one.columns.get("study") or one.read().about["study"]
        part = _read(one.folder / COUNTS, metrics, ("target", "metric", *_NUMBERS, PART))
        parts.append(part.assign(study=str(study), run_id=one.folder.name))
    if not parts:
        n_nodes = sum(1 for _ in complete_nodes(store, everything, scored=True))
        raise RecordsError(
            f"{store}: none of its {n_nodes} complete runs has counts of sentences ({COUNTS}); runs of "
            "older versions have none. Remove runs/ and run the study again: its fits are kept, and only the "
            "evaluation is repeated"
        )
    joined: dict[str, Any] = {
        name: union_categoricals([part[name].astype("category") for part in parts]) for name in _NAMES
    }
    numbers = pd.concat([part[list(_NUMBERS)] for part in parts], ignore_index=True)
    return numbers.assign(**joined)


def _read(file: Path, metrics: set[str] | None, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise RecordsError(f"cannot read {file}: {error}") from error
    frame = _typed(frame, columns, str(file))
    return frame if metrics is None else frame[frame["metric"].isin(metrics)]


def _typed(frame: pd.DataFrame, columns: tuple[str, ...], where: str) -> pd.DataFrame:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise RecordsError(f"{where} lack the columns {', '.join(missing)}; expected {', '.join(columns)}")
    kinds = {name: "int32" if name in _NUMBERS else "category" for name in columns}
    return frame[list(columns)].astype(kinds)
