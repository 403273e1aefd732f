"""The complete nodes of a store's plan, or of the store, and what their records say."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from layerlab.analysis.index.look import Key, Look, look_at_nodes
from layerlab.analysis.stored.record import Manifest, Stored
from layerlab.names import plural

if TYPE_CHECKING:
    import pyarrow as pa


def complete_nodes(
    store: Path, everything: bool = False, *, scored: bool = False, only: str | None = None
) -> Iterator[Stored]:
    """Yield the complete nodes of the plan or, with everything, of the store, kind by kind in its order.

    One that is damaged is not complete, and a warning names it.

    Args:
        store: The results directory.
        everything: All nodes of the store.
        scored: Only kinds whose records have scores.
        only: Only this kind.

    Raises:
        RecordsError: The folder is no store.
    """
    manifest = Manifest.read(store)
    yield from _stored(store, manifest, _look(store, manifest, everything, scored, only))


def read_nodes(
    store: Path, manifest: Manifest, columns: Sequence[str], everything: bool = False, *, scored: bool = False
) -> tuple[list[Stored], pa.Table]:
    """Return the complete nodes, as :func:`complete_nodes` yields them, and a row each of what they say.

    Args:
        store: The results directory.
        manifest: What it holds.
        columns: Of :data:`layerlab.analysis.index.entry.CONTENTS`.
        everything: All nodes of the store.
        scored: Only kinds whose records have scores.

    Raises:
        RecordsError: A record is none.
    """
    look = _look(store, manifest, everything, scored, None)
    return list(_stored(store, manifest, look)), look.table(columns)


def _look(store: Path, manifest: Manifest, everything: bool, scored: bool, only: str | None) -> Look:
    kinds = [kind for kind in (manifest.scored if scored else manifest.nodes) if only in (None, kind)]
    look = look_at_nodes(store, (key for kind in kinds for key in _keys(store, manifest, kind, everything)))
    for (kind, node_id), fault in look.faults.items():
        folder = store / plural(kind) / node_id
        warnings.warn(f"{folder} is left out: {fault}; run the study again", stacklevel=4)
    return look


def _keys(store: Path, manifest: Manifest, kind: str, everything: bool) -> Iterator[Key]:
    if not everything:
        yield from ((kind, node_id) for node_id in manifest.nodes.get(kind, ()))
        return
    # A node that is being written has a dot in its name; failures lie in failed/.
    with suppress(OSError):
        yield from ((kind, name) for name in sorted(os.listdir(store / plural(kind))) if "." not in name)


def _stored(store: Path, manifest: Manifest, look: Look) -> Iterator[Stored]:
    for kind, node_id in look.complete:
        yield Stored(kind, store / plural(kind) / node_id, manifest.columns.get(node_id, {}))
