"""Serve a results directory: take what is to be done there until nothing is left, from any host.

The plan is read from the directory, so that neither the study file nor its corpora are looked at again. Any
number of such processes share the work, with runners or without.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from layerlab.errors import StoreError, StudyError
from layerlab.extensions import import_modules
from layerlab.names import visible
from layerlab.nodes.engines.choice import default_engine
from layerlab.nodes.engines.engine import find_engine
from layerlab.nodes.engines.scheduler import schedule
from layerlab.nodes.engines.unit import Unit, make_units
from layerlab.nodes.jobs import read_node
from layerlab.nodes.node import Node
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.leftovers import sweep_leftovers
from layerlab.nodes.store.runners import announced
from layerlab.nodes.store.store import Store
from layerlab.study.directory.frames import write_frames
from layerlab.study.directory.keeping import Keeping
from layerlab.study.directory.status import done_nodes

#: How long to wait for others where nothing is to be done, in seconds; longer than a silent lease is held.
IDLE_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Served:
    """What is left of a plan.

    Attributes:
        n_left: Nodes that are not complete.
        n_failed: Those of them whose last attempt failed.
    """

    n_left: int
    n_failed: int


def serve(
    root: str | Path,
    settings: WorkSettings,
    *,
    workers: int | None = None,
    retries: int = 0,
    idle: float = IDLE_SECONDS,
    name: str = "layerlab work",
) -> Served:
    """Carry out what is left of the plan that a results directory holds; what failed is left alone.

    Args:
        root: The results directory.
        settings: Device, threads, time between checkpoints.
        workers: Processes at a time; None for one a GPU or one a core, 0 for this process.
        retries: How often work is tried again whose process died.
        idle: How long to wait for others where nothing is to be done, in seconds.
        name: What this process is called where others look who is at work.

    Returns:
        What is left when nothing more is to be done here.

    Raises:
        StoreError: The directory holds no plan.
        StudyError: A module of the study cannot be imported.
        KeyboardInterrupt: Somebody stopped it; a ``Cancelled`` if that was ``layerlab cancel``.
    """
    store = Store(Path(root))
    nodes, keep = read_plan(store)
    keeping, done = Keeping(nodes, keep), done_nodes(nodes, store)
    units = make_units(nodes, lambda item: item.id in done, settings)

    def end(unit: Unit) -> None:
        keeping.clear(store, unit.nodes)
        print(visible(f"ended: {unit.title}"), file=sys.stderr, flush=True)

    print(f"{len(done)}/{len(nodes)} nodes complete, {len(units)} units left", file=sys.stderr, flush=True)
    if units:
        slots = min(workers, len(units)) if workers else None
        with announced(store, name):
            engine = find_engine(default_engine(workers))(store, settings, slots)
            schedule(store, units, engine, retries=retries, ended=end, patience=idle, again=False)
    done = done_nodes(nodes, store)
    if units and len(done) == len(nodes):
        sweep_leftovers(store, done)
        write_frames(store)
    left = {item.id for item in nodes} - done
    return Served(len(left), len(left & store.broken()))


def read_plan(store: Store) -> tuple[list[Node], str]:
    """Return the nodes of the plan that a results directory holds, and which fits keep their weights.

    Nodes that cannot be read are left out; the next ``layerlab run`` writes them anew.

    Raises:
        StoreError: It holds no plan.
        StudyError: A module of the study cannot be imported.
    """
    manifest = store.read_manifest()
    if manifest is None:
        raise StoreError(
            f"{store.root} holds no plan; expected a results directory that `layerlab run` began"
        )
    if problems := import_modules(manifest.get("imports", ())):
        raise StudyError(problems, str(store.root))
    nodes = []
    for node_id in (one for ids in manifest["nodes"].values() for one in ids):
        with suppress(StoreError, ValidationError):
            nodes.append(read_node(store, node_id))
    return nodes, (manifest.get("weights") or {"keep": "all"})["keep"]
