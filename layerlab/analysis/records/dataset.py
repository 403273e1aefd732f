"""Records as a partitioned dataset: a folder of Parquet files, parted by columns (``task=upos/source=en/``).

pandas, Polars, DuckDB and Spark read such folders, and only the parts that a question is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from layerlab.errors import RecordsError, unknown
from layerlab.files import publishing

#: Columns that records may be parted by.
PARTING: Final = ("study", "model", "task", "ablation", "source", "target", "split", "seed", "metric")


def write_dataset(frame: pd.DataFrame, folder: Path, by: Sequence[str]) -> Path:
    """Write records into a new folder, parted by columns; it appears whole or not at all.

    Raises:
        RecordsError: There is no such column to part by, or the folder holds something.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    for name in by:
        if name not in PARTING:
            raise RecordsError(unknown("column to part records by", name, PARTING))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RecordsError(f"{folder} holds something already; expected a new folder for the parts")
    parted = frame.astype(dict.fromkeys(by, "str"))
    table = pa.Table.from_pandas(parted, preserve_index=False)
    with publishing(folder) as made:
        ds.write_dataset(
            table,
            made,
            format="parquet",
            basename_template="part-{i}.parquet",
            partitioning=ds.partitioning(pa.schema([table.schema.field(name) for name in by]), flavor="hive"),
            max_partitions=max(1, len(parted[list(by)].drop_duplicates())),
            use_threads=False,
            existing_data_behavior="overwrite_or_ignore",
        )
    return folder


def is_dataset(folder: Path) -> bool:
    """Return whether a folder holds records that were parted by columns."""
    return folder.is_dir() and any("=" in one.name for one in folder.iterdir() if one.is_dir())


def read_dataset(folder: Path) -> pd.DataFrame:
    """Read all parts; the columns that they are parted by are text.

    Raises:
        RecordsError: A part cannot be read.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    file = min(folder.rglob("*.parquet"), default=None)
    if file is None:
        raise RecordsError(f"{folder} holds no part of a dataset")
    names = [part.partition("=")[0] for part in file.relative_to(folder).parts[:-1]]
    try:
        parts = ds.partitioning(pa.schema([(name, pa.string()) for name in names]), flavor="hive")
        frame: pd.DataFrame = ds.dataset(folder, format="parquet", partitioning=parts).to_table().to_pandas()
    except (OSError, ValueError) as error:
        raise RecordsError(f"cannot read {folder}: {error}") from error
    return frame
