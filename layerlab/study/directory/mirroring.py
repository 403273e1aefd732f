"""A study that hosts without a common directory carry out together, through an object store."""

from __future__ import annotations

from collections.abc import Mapping

from layerlab.nodes.node import find_kind
from layerlab.nodes.sharing import process_rank
from layerlab.nodes.store.claims import arrives
from layerlab.nodes.store.mirror.mirror import Mirror, join_mirror, mirror_of
from layerlab.nodes.store.store import Store
from layerlab.study.plan import Plan


def begin_mirroring(plan: Plan, store: Store, url: str | None) -> str:
    """Copy the plan to the mirror, what is complete there to here, and the other way round.

    Args:
        plan: What is to be done.
        store: The results directory, with the plan in it.
        url: Of the mirror; None for the one that the directory has, if any.

    Returns:
        The URL; "" if there is no mirror.

    Raises:
        StoreError: The mirror cannot be opened, is not the directory's, or holds another study.
    """
    mirror = mirror_of(store) if url is None else join_mirror(store, url)
    if mirror is None:
        return ""
    if process_rank() == 0:
        nodes = _ids(plan)
        jobs = ({"kind": item.kind, "id": item.id, **item.to_json()} for item in plan.nodes)
        mirror.send_plan(store, jobs)
        mirror.bring_all(store, nodes, {kind: find_kind(kind).removable for kind in nodes})
        mirror.send_all(store, nodes)
    return mirror.remote.url


def take_over(store: Store, node_ids: tuple[str, ...]) -> None:
    """Copy here what a worker on a host with a directory of its own made of nodes, or why it failed."""
    mirror = mirror_of(store)
    for node_id in node_ids if mirror is not None else ():
        kind = store.kind_of(node_id)
        if mirror is not None and not arrives(store, kind, node_id, find_kind(kind).removable):
            mirror.bring_failure(store, node_id)


def end_mirroring(plan: Plan, store: Store) -> None:
    """Copy what is complete here and not there, and the tidy frames."""
    mirror: Mirror | None = mirror_of(store)
    if mirror is not None and process_rank() == 0:
        mirror.send_all(store, _ids(plan))
        mirror.send_frames(store)


def _ids(plan: Plan) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for item in plan.nodes:
        found.setdefault(item.kind, set()).add(item.id)
    return found
