"""Where a results directory stands: by the index of its records, or with every file read anew.

The plan is a study's, or the one that the directory was last given, for which no study has to be expanded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from layerlab.analysis.index.look import look_at_nodes
from layerlab.analysis.stored.seal import changed_files
from layerlab.errors import StoreError
from layerlab.nodes.store.store import Store
from layerlab.study.directory.status import Listed, Status, state_of

if TYPE_CHECKING:
    from layerlab.nodes.node import Node


@dataclass(frozen=True)
class Planned:
    """A node of a directory's plan; what it needs and its title are read when they are asked for.

    Attributes:
        store: The results directory.
        kind: Its kind.
        id: Its identity.
    """

    store: Store
    kind: str
    id: str

    @property
    def needs(self) -> tuple[str, ...]:
        """Ids of the nodes that must be complete first; empty where that cannot be read."""
        return self._node.needs if self._node is not None else ()

    @property
    def title(self) -> str:
        """One line for people; its kind and id where it cannot be read."""
        return self._node.title if self._node is not None else f"{self.kind} {self.id}"

    @cached_property
    def _node(self) -> Node | None:
        from layerlab.nodes.jobs import read_node

        with suppress(StoreError):  # not there, damaged, or of a kind that a module of the user registers
            return read_node(self.store, self.id)
        return None


def read_standing(store: Store, nodes: Sequence[Listed] | None = None, *, anew: bool = False) -> Status:
    """Read where a plan stands.

    Args:
        store: The results directory.
        nodes: The plan's, each after those that it needs; if None, those that the directory was last given.
        anew: Read every record whatever the index says, and compare the digests of all files.

    Raises:
        StoreError: Without a plan: the directory is none, or its manifest is damaged.
    """
    keys = _keys(store) if nodes is None else [(item.kind, item.id) for item in nodes]
    look = look_at_nodes(store.root, keys, anew=anew)
    faults = {node_id: fault for (_, node_id), fault in look.faults.items()}
    for kind, node_id in look.complete if anew else ():
        if changed := changed_files(store.folder(kind, node_id)):
            faults[node_id] = f"{', '.join(changed)}: not what was written"
    left: list[Listed] = [
        Planned(store, *key) if nodes is None else nodes[place]
        for place, key in enumerate(keys)
        if key not in look.complete or key[1] in faults
    ]
    totals = Counter(kind for kind, _ in keys)
    return state_of(left, totals, store, lambda _, node_id: faults.get(node_id))


def _keys(store: Store) -> list[tuple[str, str]]:
    """Return kind and id of the nodes of the plan that a results directory was last given."""
    manifest = store.read_manifest()
    if manifest is None:
        raise StoreError(f"{store.root} holds no study: expected manifest.json there, or a study file")
    if not isinstance(manifest.get("nodes"), dict):
        raise StoreError(
            f"{store.root}: the manifest is of an older version and lists no nodes; give the study file"
        )
    return [(kind, node_id) for kind, ids in manifest["nodes"].items() for node_id in ids]
