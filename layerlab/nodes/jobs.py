"""Nodes in a store, of any kind: those that come with layerlab, which are registered here, and users' own."""

from __future__ import annotations

from typing import Any

from layerlab.nodes.kinds.alignment.node import Alignment
from layerlab.nodes.kinds.distances import LanguageDistances
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.overlap import PieceOverlap
from layerlab.nodes.kinds.pretraining import Pretraining
from layerlab.nodes.kinds.probe import Probe
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.kinds.trajectory import Trajectory
from layerlab.nodes.node import Node, find_kind
from layerlab.nodes.store.store import Store

BUILT_IN: tuple[type[Node], ...] = (
    Pretraining, Fit, Run, Probe, Trajectory, LanguageDistances, PieceOverlap, Alignment,
)  # fmt: skip


def job_of(item: Node) -> dict[str, Any]:
    """Return what a node needs to be carried out by any process, as plain values."""
    return {"kind": item.kind, "id": item.id, **item.to_json()}


def write_node(store: Store, item: Node) -> None:
    """Write what a node needs to be carried out by any process."""
    store.write_job(item.id, job_of(item))


def read_node(store: Store, node_id: str) -> Node:
    """Read a node that was written.

    Raises:
        StoreError: The store does not know the id, or nothing registers its kind.
    """
    job = store.read_job(node_id)
    return find_kind(job["kind"]).from_json(job)
