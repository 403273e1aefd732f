"""Units of work: nodes that one worker carries out one after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from layerlab.nodes.joining import join_nodes
from layerlab.nodes.node import Node
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.claims import is_node_held
from layerlab.nodes.store.store import Store

State = Literal["done", "blocked", "waiting", "busy", "ready"]


@dataclass(frozen=True)
class Unit:
    """Nodes that one worker carries out one after the other.

    Attributes:
        title: One line for progress.
        nodes: Ids in order: a node and those that need nothing else, or nodes that need other units' nodes.
        needs: Ids of nodes of other units that must be complete first.
        parts: The units that it falls into if its worker dies; empty for one that stays whole.
        memory: Bytes that its worker needs, estimated; 0 where nothing is known.
    """

    title: str
    nodes: tuple[str, ...]
    needs: frozenset[str] = frozenset()
    parts: tuple[Unit, ...] = ()
    memory: int = 0


def make_units(
    nodes: Iterable[Node], is_done: Callable[[Node], bool], settings: WorkSettings | None = None
) -> list[Unit]:
    """Return what is left to do, in the order of the plan.

    A node that no other needs works beside the first node that it needs, since that one is then in memory: a
    fit and its runs are one unit. Fits that are carried out together are one unit with the runs of all. What
    needs more than that comes in a unit of its own, later.

    Args:
        nodes: The plan's, each after those that it needs.
        is_done: Whether a node is complete.
        settings: Say which nodes may be carried out together; None for none.
    """
    nodes = list(nodes)
    known = {item.id: item for item in nodes}
    needed = {need for item in nodes for need in item.needs}
    beside: dict[str, list[Node]] = {}
    later: dict[str, list[Node]] = {}
    hosts: list[Node] = []
    for item in nodes:
        if item.id in needed or not item.needs or item.needs[0] not in known:
            hosts.append(item)
        elif not is_done(item):
            (beside if len(item.needs) == 1 else later).setdefault(item.needs[0], []).append(item)
    left = {item.id for item in hosts if not is_done(item)}
    groups = _group(hosts, left, settings) if settings is not None else [[host] for host in hosts]
    units = []
    for group in groups:
        parts = [
            Unit(
                host.title, (host.id, *(guest.id for guest in beside.get(host.id, ()))), frozenset(host.needs)
            )
            for host in group
            if host.id in left or host.id in beside
        ]
        if parts:
            units.append(parts[0] if len(parts) == 1 else _unite(parts))
    for guests in later.values():
        needs = frozenset(need for guest in guests for need in guest.needs)
        units.append(Unit(guests[0].title, tuple(guest.id for guest in guests), needs))
    return units


def _group(hosts: Sequence[Node], left: Collection[str], settings: WorkSettings) -> list[list[Node]]:
    """Return hosts in groups that are carried out together, each group where its first host stands.

    The hosts of a group need the same nodes, so that no group waits for another that waits for it.
    """
    alike: dict[tuple[type[Node], frozenset[str]], list[Node]] = {}
    for host in hosts:
        if host.id in left:
            alike.setdefault((type(host), frozenset(host.needs)), []).append(host)
    groups = {group[0].id: group for same in alike.values() for group in join_nodes(same, settings)}
    joined = {item.id for group in groups.values() for item in group}
    return [groups.get(host.id, [host]) for host in hosts if host.id in groups or host.id not in joined]


def _unite(parts: Sequence[Unit]) -> Unit:
    """Return one unit: the hosts first, then the guests of each."""
    hosts = [part.nodes[0] for part in parts]
    guests = [guest for part in parts for guest in part.nodes[1:]]
    title = f"{parts[0].title} and {len(parts) - 1} more"
    return Unit(title, (*hosts, *guests), parts[0].needs, tuple(parts))


def with_memory(units: Iterable[Unit], memory: Callable[[str], int]) -> list[Unit]:
    """Return units with the memory that their workers need.

    Args:
        units: What is left to do.
        memory: Bytes that a node needs, by its id.
    """
    return [
        replace(unit, memory=max(map(memory, unit.nodes)), parts=tuple(with_memory(unit.parts, memory)))
        for unit in units
    ]


def state_of(store: Store, unit: Unit) -> State:
    """Return where a unit stands.

    Returns:
        ``done``; ``blocked`` by a failed node; ``waiting`` for a node; ``busy``, in the hands of another
        process; or ``ready``.
    """
    left = [node_id for node_id in unit.nodes if not store.is_complete(node_id)]
    if not left:
        return "done"
    missing = [need for need in unit.needs if not store.is_complete(need)]
    if any(is_node_held(store, need) for need in missing):
        return "busy"
    if missing:
        return "blocked" if any(store.read_failure(need) for need in missing) else "waiting"
    return "busy" if is_node_held(store, left[0]) else "ready"
