"""The index file of a results directory: what the records of complete nodes hold, in columns.

It is made of the records and may be removed at any time. It is written whole, under another name, and put in
its place in one step, so any number of processes may write it at once. One that is cut off, has a flipped bit
or is of another version counts as not there.
"""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from layerlab.files import replacing

if TYPE_CHECKING:
    import pyarrow as pa

INDEX: Final = ".index"
#: Raised when the columns, or what is in them, change.
VERSION: Final = 2
_MARK: Final = b"llix"
# After the columns: a mark, the version, and a sum of the columns.
_TAIL: Final = struct.Struct("<4sII")


@dataclass(frozen=True)
class Index:
    """What an index file held when it was read, whatever takes its place meanwhile."""

    data: bytes

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return some columns, or all of them."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        body = pa.py_buffer(memoryview(self.data)[: -_TAIL.size])
        # `read_table` would import pandas.
        file = pq.ParquetFile(pa.BufferReader(body))
        return file.read() if columns is None else file.read(list(columns)).select(list(columns))


def read_index(store: Path) -> Index | None:
    """Read a store's index; None if there is none that is whole and of this version."""
    try:
        data = (store / INDEX).read_bytes()
    except OSError:
        return None
    if len(data) < _TAIL.size:
        return None
    mark, version, total = _TAIL.unpack(data[-_TAIL.size :])
    whole = (mark, version) == (_MARK, VERSION) and zlib.crc32(memoryview(data)[: -_TAIL.size]) == total
    return Index(data) if whole else None


def write_index(store: Path, table: pa.Table) -> None:
    """Write a store's index; where nothing can be written, there is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    body = sink.getvalue()
    with suppress(OSError), replacing(store / INDEX, flush=False) as beside, beside.open("wb") as file:
        file.write(body)
        file.write(_TAIL.pack(_MARK, VERSION, zlib.crc32(body)))


def clock_of(store: Path) -> int | None:
    """Return the time by a store's file system, in nanoseconds; None where nothing can be written."""
    try:
        with tempfile.TemporaryFile(dir=store) as file:
            file.write(b"\n")
            file.flush()
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return None
