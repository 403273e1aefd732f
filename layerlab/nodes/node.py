"""A node: one piece of work with an identity, done once and kept in a store.

A pretraining, a fit and a run are nodes; a user may add kinds. The store, the scheduler and the plan know
nodes, never kinds, so a new kind is one class that satisfies :class:`Node`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

from layerlab.errors import StoreError, unknown
from layerlab.nodes.kept import Kept
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.training.events import Report

ENTRY_POINTS = "layerlab.nodes"


@dataclass(frozen=True)
class Work:
    """What a node works with.

    Attributes:
        store: The results directory.
        settings: Device, threads, time between checkpoints.
        report: Receives progress events.
        kept: Fits that the worker keeps between nodes.
        corpora: Tokenizers and encoded corpora that it keeps.
        stored: Ids of nodes whose weights others read from the disk; None where all of them are kept.
        reporter: Makes what reports to one node; None where ``report`` does.
    """

    store: Store
    settings: WorkSettings
    report: Report
    kept: Kept = field(default_factory=Kept)
    corpora: Kept = field(default_factory=Kept)
    stored: frozenset[str] | None = None
    reporter: Callable[[Node], Report] | None = None

    def of(self, node: Node) -> Work:
        """Return the same work with the report of one node of several that are carried out together."""
        return self if self.reporter is None else replace(self, report=self.reporter(node))

    def stores(self, node_id: str) -> bool:
        """Return whether a node's weights are read from the disk, so that they must be written."""
        return self.stored is None or node_id in self.stored

    @contextmanager
    def publish(self, node: Node) -> Iterator[Path]:
        """Yield a folder that becomes the complete node when the block ends without an error."""
        with self.store.publish(node.kind, node.id) as folder:
            yield folder


def stored_of(manifest: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the ids of nodes whose weights are written in any case, by a store's manifest; None for all."""
    weights = manifest.get("weights")
    if weights is None or weights["keep"] == "all":
        return None
    return frozenset(weights["stored"])


@runtime_checkable
class Node(Protocol):
    """One piece of work.

    Attributes:
        kind: Its kind, such as ``fit``; the store keeps it in the folder ``fits/``.
        removable: Parts of its complete folder that ``prune`` may remove when nothing waits for them. A node
            that lacks one is carried out again when another node needs it.
        shared: Whether the processes of ``torchrun`` compute it together; otherwise the first one does.
        scored: Whether its record has scores, which become rows of the tidy records.
    """

    kind: ClassVar[str]
    removable: ClassVar[tuple[str, ...]]
    shared: ClassVar[bool]
    scored: ClassVar[bool]

    @property
    def id(self) -> str:
        """Identity: a digest of all that can change a number, and of nothing else."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Ids of the nodes that must be complete first; it works beside the first one where it can."""
        ...

    @property
    def title(self) -> str:
        """One line for progress and messages."""
        ...

    @property
    def columns(self) -> Mapping[str, Any]:
        """Names that the plan gives it, for tables; they change no number and no identity."""
        ...

    def execute(self, work: Work) -> None:
        """Do the work, from the last checkpoint if there is one, and publish the result."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads back."""
        ...

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read plain values back."""
        ...


def is_result(item: Node) -> bool:
    """Return whether a study is after what a node gives: its columns name the ablation that it is of."""
    return item.scored or "ablation" in item.columns


@runtime_checkable
class Planned(Protocol):
    """A kind that a study asks for by name: ``nodes: {kind: options}``."""

    @classmethod
    def plan(cls, options: Any, study: Any, nodes: Sequence[Node]) -> Iterable[Node]:
        """Return the nodes that a study asks for, those first that others need.

        Args:
            options: What the study says under the kind's name.
            study: The study.
            nodes: What is planned already: pretrainings, fits, runs.

        Raises:
            LayerlabError: The options make no sense.
        """
        ...


_KINDS: dict[str, type[Node]] = {}
N = TypeVar("N", bound=Node)
NodeClass = TypeVar("NodeClass", bound=type[Node])


def node(cls: NodeClass) -> NodeClass:
    """Register a class as a kind of node.

    A package registers its kinds by an entry point of the group ``layerlab.nodes`` that refers to the class.

    Raises:
        ValueError: The class lacks part of :class:`Node`, or another class has its kind.
    """
    wanted = [name for name in (*Node.__annotations__, *vars(Node)) if not name.startswith("_")]
    fields = getattr(
        cls, "__annotations__", {}
    )  # of dataclasses and pydantic models: no attributes of the class
    lacking = [name for name in wanted if not hasattr(cls, name) and name not in fields]
    if lacking:
        raise ValueError(f"{cls.__name__} is no node: it lacks {', '.join(lacking)}")
    taken = _KINDS.get(cls.kind)
    if taken is not None and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(f"kind {cls.kind!r} is taken by {taken.__module__}.{taken.__qualname__}")
    _KINDS[cls.kind] = cls
    return cls


def known_kinds() -> dict[str, type[Node]]:
    """Return every registered kind with its class, those of installed packages among them."""
    _load_kinds()
    return dict(_KINDS)


@functools.cache
def _load_kinds() -> None:
    for entry in entry_points(group=ENTRY_POINTS):
        entry.load()


def find_kind(kind: str) -> type[Node]:
    """Return the class of a kind.

    Raises:
        StoreError: No such kind is registered.
    """
    known = known_kinds()
    if kind not in known:
        raise StoreError(f"{unknown('kind of node', kind, known)}; import the module that registers it")
    return known[kind]


def read_as(store: Store, node_id: str, cls: type[N]) -> N:
    """Read a node whose kind is known.

    Raises:
        StoreError: The store does not know the id, or it is of another kind.
    """
    job = store.read_job(node_id)
    if job["kind"] != cls.kind:
        raise StoreError(f"node {node_id} of {store.root} is a {job['kind']}, expected a {cls.kind}")
    return cls.from_json(job)
