"""A study that hosts without a common directory carry out together, through an object store."""

from __future__ import annotations

import sys
from contextlib import suppress

from layerlab.errors import StoreError
from layerlab.names import visible
from layerlab.nodes.jobs import job_of
from layerlab.nodes.node import find_kind
from layerlab.nodes.sharing import process_rank
from layerlab.nodes.store.claims import arrives
from layerlab.nodes.store.mirror.mirror import join_mirror, mirror_of
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
        nodes = plan.by_kind()
        try:
            mirror.send_plan(store, map(job_of, plan.nodes))
            mirror.bring_all(store, nodes, {kind: find_kind(kind).removable for kind in nodes})
            mirror.send_all(store, nodes)
        except OSError as error:
            raise StoreError(f"the mirror at {mirror.remote.url} cannot be used: {error}") from error
    return mirror.remote.url


def take_over(store: Store, node_ids: tuple[str, ...]) -> None:
    """Copy here what a worker on a host with a directory of its own made of nodes, or why it failed.

    What cannot be had now is copied by who needs it, or by the next run.
    """
    mirror = mirror_of(store)
    if mirror is None:
        return
    with suppress(OSError):
        for node_id in node_ids:
            kind = store.kind_of(node_id)
            if not arrives(store, kind, node_id, find_kind(kind).removable):
                mirror.bring_failure(store, node_id)


def end_mirroring(plan: Plan, store: Store) -> None:
    """Copy what is complete here and not there, and the tidy frames; the next run does what fails."""
    mirror = mirror_of(store)
    if mirror is None or process_rank() > 0:
        return
    try:
        mirror.send_all(store, plan.by_kind())
        mirror.send_frames(store)
    except OSError as error:
        said = f"not all is copied to {mirror.remote.url}, the next run does it: {error}"
        print(visible(said), file=sys.stderr)
