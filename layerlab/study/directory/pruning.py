"""Weights of complete nodes that nothing waits for: removed on request, made again if a run needs them.

A fit's record, labels and head stay, so that nothing complete is done again and tables and figures remain
what they are. A new target or a new ``after`` intervention fine-tunes a pruned fit once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from layerlab.errors import StoreError
from layerlab.nodes.jobs import read_node
from layerlab.nodes.node import Node
from layerlab.nodes.store import damage
from layerlab.nodes.store.store import Store
from layerlab.study.directory.status import done_nodes
from layerlab.study.plan import Plan


@dataclass(frozen=True)
class Prunable:
    """A complete node with parts that nothing in the plan waits for.

    Attributes:
        node: Which one.
        n_bytes: What the parts take on the disk.
    """

    node: Node
    n_bytes: int


def find_prunable(plan: Plan, store: Store, keep: Plan | None = None) -> list[Prunable]:
    """List the nodes of a plan whose weights can go.

    What nodes of a larger plan in the same results directory wait for stays too, as that may be running.

    Args:
        plan: The study's plan.
        store: Its results directory.
        keep: A selection of the plan whose nodes keep their weights.
    """
    needed = _awaited(plan, store) | _awaited_elsewhere(plan, store)
    needed |= {item.id for item in (keep.nodes if keep is not None else ())}
    found = []
    for item in plan.nodes:
        parts = [part for part in _parts(item, store) if part.is_dir()]
        if parts and item.id not in needed:
            found.append(Prunable(item, sum(map(_size, parts))))
    return found


def prune(store: Store, nodes: Iterable[Node]) -> None:
    """Remove the weights of nodes, the cache, and what was damaged and set aside.

    Each part is whole or gone at any time, also if this is interrupted.
    """
    store.sweep_removed()
    remove_weights(store, nodes)
    store.remove(store.cache)
    store.remove(store.root / damage.FOLDER)


def remove_weights(store: Store, nodes: Iterable[Node]) -> None:
    """Remove the weights of nodes; each part is whole or gone at any time."""
    for item in nodes:
        for part in _parts(item, store):
            store.remove(part)


def revive(plan: Plan, store: Store) -> list[str]:
    """Forget the pruned nodes that others of a plan wait for, so that they are carried out again.

    Returns:
        Their ids.
    """
    pruned = find_awaited(plan, store)
    for item in pruned:
        store.remove(store.folder(item.kind, item.id))
    return [item.id for item in pruned]


def find_awaited(plan: Plan, store: Store) -> list[Node]:
    """List the pruned nodes that others of a plan wait for."""
    needed = _awaited(plan, store)
    return [item for item in plan.nodes if item.id in needed and _is_pruned(item, store)]


def _awaited(plan: Plan, store: Store) -> set[str]:
    """Return the nodes whose weights are needed for what is left, and to make them again where they lack."""
    needed: set[str] = set()
    done = done_nodes(plan.nodes, store)
    for item in reversed(plan.nodes):  # what is needed stands before what needs it
        if item.id not in done or (item.id in needed and _is_pruned(item, store)):
            needed.update(item.needs)
    return needed


def _awaited_elsewhere(plan: Plan, store: Store) -> set[str]:
    """Return the nodes that others wait for which are not of the plan: of the last one, or at work now."""
    listed: Mapping[str, list[str]] = {}
    with suppress(StoreError):  # where the manifest is damaged, leases alone say what is at work
        listed = (store.read_manifest() or {}).get("nodes") or {}
    done = {node_id for kind in listed for node_id in store.done(kind)}
    others = {node_id for ids in listed.values() for node_id in ids} | store.claimed()
    needed: set[str] = set()
    for node_id in others - done - {item.id for item in plan.nodes}:
        with suppress(StoreError):  # a lease of an unknown node, or a job that is damaged
            item = read_node(store, node_id)
            if not store.is_done(item.kind, item.id):
                needed.update(item.needs)
    return needed


def _is_pruned(item: Node, store: Store) -> bool:
    return store.is_done(item.kind, item.id) and not all(part.is_dir() for part in _parts(item, store))


def _parts(item: Node, store: Store) -> list[Path]:
    return [store.folder(item.kind, item.id) / name for name in item.removable]


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
