"""Units of work: nodes that one worker carries out one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from layerlab.nodes.node import Node
from layerlab.nodes.store.lease import is_held
from layerlab.nodes.store.store import Store

State = Literal["done", "blocked", "waiting", "busy", "ready"]


@dataclass(frozen=True)
class Unit:
    """Nodes that one worker carries out one after the other.

    Attributes:
        title: One line for progress.
        nodes: Ids in order: a node and those that need nothing else, or nodes that need other units' nodes.
        needs: Ids of nodes of other units that must be complete first.
    """

    title: str
    nodes: tuple[str, ...]
    needs: frozenset[str] = frozenset()


def make_units(nodes: Iterable[Node], is_done: Callable[[Node], bool]) -> list[Unit]:
    """Return what is left to do, in the order of the plan.

    A node that no other needs works beside the first node that it needs, since that one is then in memory: a
    fit and its runs are one unit. What needs more than that comes in a unit of its own, later.

    Args:
        nodes: The plan's, each after those that it needs.
        is_done: Whether a node is complete.
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
    units = []
    for host in hosts:
        guests = beside.get(host.id, [])
        if guests or not is_done(host):
            ids = (host.id, *(guest.id for guest in guests))
            units.append(Unit(host.title, ids, frozenset(host.needs)))
    for guests in later.values():
        needs = frozenset(need for guest in guests for need in guest.needs)
        units.append(Unit(guests[0].title, tuple(guest.id for guest in guests), needs))
    return units


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
    if any(is_held(store.lease(need)) for need in missing):
        return "busy"
    if missing:
        return "blocked" if any(store.read_failure(need) for need in missing) else "waiting"
    return "busy" if is_held(store.lease(left[0])) else "ready"
