"""What nodes need of others: that they are complete, with weights in memory or on the disk as written."""

from __future__ import annotations

from collections.abc import Container

from layerlab.nodes.node import find_kind
from layerlab.nodes.store.claims import claim_node, part_arrives
from layerlab.nodes.store.store import Store


def is_there(store: Store, node_id: str, in_memory: Container[str] = ()) -> bool:
    """Return whether a node is complete, and in memory or on the disk as it was written."""
    kind = store.kind_of(node_id)
    if not store.is_complete(node_id):
        return False
    on_disk = all(part_arrives(store, kind, node_id, part) for part in find_kind(kind).removable)
    return node_id in in_memory or (on_disk and not store.changed_files(node_id))


def forget_unless_there(store: Store, node_id: str, in_memory: Container[str] = ()) -> None:
    """Remove a complete node whose weights are neither in memory nor on the disk, so that it is made anew.

    What is on the disk and not what was written is set aside.
    """
    if not store.is_complete(node_id) or is_there(store, node_id, in_memory):
        return
    with claim_node(store, node_id) as mine:
        if mine and not is_there(store, node_id, in_memory):
            folder = store.folder(store.kind_of(node_id), node_id)
            if changed := store.changed_files(node_id):
                store.set_aside(folder, f"{', '.join(changed)}: not what was written")
            else:
                store.remove(folder)
