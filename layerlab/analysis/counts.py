"""Counts of sentences: what each test sentence contributes to the scores of each run.

A run of a store keeps them in ``runs/<run_id>/counts.parquet``, a published study in one ``counts.parquet``.
With them sentences can be resampled, see :mod:`layerlab.analysis.resampling`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import union_categoricals

from layerlab.analysis.resampling import PART, SENTENCE_COLUMNS
from layerlab.analysis.seal import changed_files
from layerlab.analysis.stored import Where, complete_nodes
from layerlab.errors import RecordsError, unknown
from layerlab.files import replacing

COUNTS = "counts.parquet"  # in a run's folder, and beside a published study's records
COUNT_COLUMNS = (*SENTENCE_COLUMNS, PART)
_NAMES = ("study", "run_id", "target", "metric", PART)
_NUMBERS = ("sentence", "hits", "total")


def load_counts(
    path: Where, *, metrics: Iterable[str] | None = None, everything: bool = False
) -> pd.DataFrame:
    """Read the counts of sentences of a study.

    Args:
        path: A store, a folder with ``counts.parquet``, such a file, or a file of records beside one.
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
    folder = Path(path)
    wanted = None if metrics is None else set(metrics)
    if (folder / "manifest.json").is_file():
        frame = _of_store(folder, wanted, everything)
    else:
        file = folder / COUNTS if folder.is_dir() else folder
        if file.suffix != ".parquet" or file.name == "records.parquet":
            file = file.with_name(COUNTS)
        if not file.is_file():
            raise RecordsError(f"{path} has no counts of sentences: expected {file}")
        frame = _read(file, wanted, COUNT_COLUMNS)
    for name in sorted((wanted or set()) - set(frame["metric"])):
        known = set(load_counts(path, everything=everything)["metric"])
        raise RecordsError(f"{path}: {unknown('metric in the counts of sentences', name, known)}")
    return frame[list(COUNT_COLUMNS)]


def write_counts(frame: pd.DataFrame, path: Where) -> Path:
    """Write counts to one ``.parquet`` file, compressed; equal counts give equal files.

    Raises:
        RecordsError: Another suffix, or a column is missing.
    """
    path = Path(path)
    if path.suffix != ".parquet":
        raise RecordsError(f"cannot write counts to {path}: expected the suffix .parquet")
    ordered = _typed(frame, COUNT_COLUMNS, "the counts").sort_values(
        ["study", "target", "metric", "run_id", PART, "sentence"], kind="stable", ignore_index=True
    )
    with replacing(path) as beside:
        ordered.to_parquet(beside, index=False, compression="zstd")
    return path


def _of_store(store: Path, metrics: set[str] | None, everything: bool) -> pd.DataFrame:
    nodes = list(complete_nodes(store, everything, scored=True))
    parts = []
    for one in nodes:
        if (one.folder / COUNTS).is_file():
            if changed := changed_files(one.folder):
                raise RecordsError(
                    f"{one.folder}: {', '.join(changed)}: not what was written; remove this folder and run "
                    "the study again"
                )
            study = one.columns.get("study") or one.read().about["study"]
            part = _read(one.folder / COUNTS, metrics, ("target", "metric", *_NUMBERS, PART))
            parts.append(part.assign(study=str(study), run_id=one.folder.name))
    if not parts:
        raise RecordsError(
            f"{store}: none of its {len(nodes)} complete runs has counts of sentences ({COUNTS}); runs of "
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
