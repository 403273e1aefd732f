"""A look at nodes of a store: which are complete, and what their records say, by the index where that holds.

Each look asks the file system for size, times and number of every record and the sizes of the files beside
it. Only records that are not as their entry knows them are read. So a change that any program makes is seen
at the next look; one that the disk makes by itself leaves all that as it is: a look ``anew`` reads every
record.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from layerlab.analysis.index.entry import KNOWN_BY, Entry, entry_of, read_sizes, table_of
from layerlab.analysis.index.file import Index, clock_of, read_index, write_index
from layerlab.analysis.stored.seal import RECORD, fault_of_sizes, look_at
from layerlab.errors import RecordsError
from layerlab.names import plural

if TYPE_CHECKING:
    import pyarrow as pa

Key = tuple[str, str]  # kind and id

#: So many records that are not in the index are worth writing it: smaller stores have none.
WORTH_WRITING: Final = 1000
# A record that changed just now may change again in the same tick of the clock, and is not indexed yet.
_SETTLED: Final = 2_000_000_000
# Entries are put into tables by so many, since tables take less memory.
_TOGETHER: Final = 4096


@dataclass
class Look:
    """What was found.

    Attributes:
        index: The index that was there.
        complete: Complete nodes in the order that was asked for: the row of the index, or -1, -2... for those
            that were read, in their order.
        faults: What is wrong with nodes whose folder is there, in words.
        errors: Complete nodes whose record is none.
    """

    index: Index | None
    complete: dict[Key, int] = field(default_factory=dict)
    faults: dict[Key, str] = field(default_factory=dict)
    errors: dict[Key, RecordsError] = field(default_factory=dict)
    _tables: list[pa.Table] = field(default_factory=list)
    _entries: list[Entry] = field(default_factory=list)
    _n_read: int = 0

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Return columns of the complete nodes, in their order.

        Raises:
            RecordsError: A record is none.
        """
        import numpy as np
        import pyarrow as pa

        for error in self.errors.values():
            raise error
        old = [] if self.index is None else [self.index.table(columns)]
        tables = pa.concat_tables([*old, self.read().select(list(columns))])
        places = np.fromiter(self.complete.values(), dtype=np.int64, count=len(self.complete))
        n_old = len(tables) - self._n_read
        places = np.where(places < 0, n_old - 1 - places, places)
        if len(places) and (np.diff(places) == 1).all():  # as where the index has the nodes of a plan
            return tables.slice(int(places[0]), len(places))
        return tables.take(pa.array(places))

    def read(self) -> pa.Table:
        """Return the entries of the nodes that were read."""
        import pyarrow as pa

        return pa.concat_tables([*self._tables, table_of(self._entries)])

    def look(self, key: Key, folder: str, stat: os.stat_result) -> None:
        """Read a node."""
        found = look_at(Path(folder))
        if found.fault is not None:
            self.faults[key] = found.fault
            return
        try:
            entry = entry_of(key[0], Path(folder), found, stat)
        except RecordsError as error:
            self.complete[key], self.errors[key] = 0, error
            return
        self._n_read += 1
        self.complete[key] = -self._n_read
        self._entries.append(entry)
        if len(self._entries) == _TOGETHER:
            self._tables.append(table_of(self._entries))
            self._entries.clear()


def look_at_nodes(store: Path, wanted: Iterable[Key], *, anew: bool = False) -> Look:
    """Look at nodes of a store; the index is written if much that was read is not in it.

    Args:
        store: The results directory.
        wanted: The nodes.
        anew: Read every record, whatever the index says.
    """
    started = time.monotonic_ns()
    found = Look(None if anew else read_index(store))
    known = _Known.of(found.index)
    folders: dict[str, str] = {}
    for key in wanted:
        kind, node_id = key
        folder = f"{folders.setdefault(kind, f'{store}/{plural(kind)}')}/{node_id}"
        try:
            stat = os.stat(f"{folder}/{RECORD}")
        except OSError:
            if Path(folder).is_dir():
                found.faults[key] = f"there is no {RECORD}"
            continue
        row = known.rows.get(key)
        if (
            row is not None
            and stat.st_ctime_ns == known.changed[row]
            and stat.st_mtime_ns == known.modified[row]
            and stat.st_size == known.sizes[row]
            and stat.st_ino == known.inodes[row]
            and fault_of_sizes(folder, read_sizes(known.others[row])) is None
        ):
            found.complete[key] = row
        else:
            found.look(key, folder, stat)
    if found._n_read >= WORTH_WRITING:
        _renew(store, found, known.rows, time.monotonic_ns() - started)
    return found


@dataclass
class _Known:
    """By what the entries of an index are recognised, in the order of its rows."""

    rows: dict[Key, int] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)
    modified: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    inodes: list[int] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, index: Index | None) -> _Known:
        """Return what an index knows."""
        if index is None:
            return cls()
        kinds, ids, *columns = (column.to_pylist() for column in index.table(KNOWN_BY).columns)
        return cls(dict(zip(zip(kinds, ids, strict=True), range(len(ids)), strict=True)), *columns)


def _renew(store: Path, found: Look, rows: Mapping[Key, int], elapsed: int) -> None:
    """Write an index of what was found, and of nodes in the old one that were not asked for.

    Args:
        store: The results directory.
        found: What was found.
        rows: Rows of the old index by node, in their order.
        elapsed: Time since the first record was read, in nanoseconds.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    now = clock_of(store)
    if now is None:
        return
    new = found.read()
    new = new.filter(pc.less(new.column("changed"), now - elapsed - _SETTLED))
    if len(new) < WORTH_WRITING:
        return
    tables = [new]
    if found.index is not None:
        gone = found.faults.keys() | found.errors.keys()
        kept = [row for key, row in rows.items() if key not in gone and found.complete.get(key, row) >= 0]
        tables.insert(0, found.index.table().take(pa.array(kept, pa.int64())))
    write_index(store, pa.concat_tables(tables))
