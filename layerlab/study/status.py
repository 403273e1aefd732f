"""Where a study stands, read from its results directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from layerlab.names import plural, visible
from layerlab.nodes.node import Node
from layerlab.nodes.store.damage import describe_damage
from layerlab.nodes.store.events import last_event
from layerlab.nodes.store.lease import is_held
from layerlab.nodes.store.store import Store
from layerlab.study.plan import Plan


@dataclass(frozen=True)
class Activity:
    """A node that some process works on now.

    Attributes:
        title: What it is.
        kind: Its kind.
        step: Optimiser steps done; 0 where there are none.
        steps: Optimiser steps in all; 0 where there are none.
        resumed_at: Step at which its present worker took it up.
    """

    title: str
    kind: str = ""
    step: int = 0
    steps: int = 0
    resumed_at: int = 0

    @property
    def fraction(self) -> float:
        """Part of the node that is done."""
        return self.step / self.steps if self.steps else 0.0

    @property
    def gained(self) -> float:
        """Part of the node that its present worker has done."""
        return (self.step - self.resumed_at) / self.steps if self.steps else 0.0

    def __str__(self) -> str:
        title = visible(self.title)
        return f"{title}  step {self.step}/{self.steps}" if self.steps else title


@dataclass(frozen=True)
class Count:
    """How many nodes of a kind are complete.

    Attributes:
        done: Complete ones.
        total: All of them.
    """

    done: int
    total: int


@dataclass(frozen=True)
class Status:
    """Counts of a plan's nodes by state.

    Attributes:
        counts: By kind, in the order of the plan: what comes first is needed by what follows.
        failures: ``id``, ``title``, ``error`` and ``message`` of nodes whose last attempt failed.
        blocked: Titles of nodes that wait for a failed one.
        active: Nodes that are being worked on now.
        damaged: What was found damaged, and what is to be done of it or where it was set aside.
    """

    counts: Mapping[str, Count]
    failures: tuple[dict[str, str], ...] = ()
    blocked: tuple[str, ...] = ()
    active: tuple[Activity, ...] = ()
    damaged: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every node is complete."""
        return all(count.done == count.total for count in self.counts.values())

    @property
    def n_done(self) -> int:
        """Complete nodes."""
        return sum(count.done for count in self.counts.values())

    def count(self, kind: str) -> Count:
        """Return the count of a kind; zeros if the plan has none of it."""
        return self.counts.get(kind, Count(0, 0))

    def summary(self) -> str:
        """Return one line of counts, what the study is about first.

        >>> Status({"fit": Count(2, 2), "run": Count(3, 4)}).summary()
        '3/4 runs, 2/2 fits complete'
        """
        parts = [
            f"{count.done}/{count.total} {plural(kind)}"
            for kind, count in reversed(list(self.counts.items()))
        ]
        text = f"{', '.join(parts)} complete"
        if self.failures:
            text += f", {len(self.failures)} failed"
        if self.blocked:
            text += f", {len(self.blocked)} blocked"
        return text


def done_nodes(nodes: Sequence[Node], store: Store) -> set[str]:
    """Return the ids of the complete ones of some nodes, by one look at the folder of each kind."""
    done = {kind: store.done(kind) for kind in {item.kind for item in nodes}}
    return {item.id for item in nodes if item.id in done[item.kind]}


def read_status(plan: Plan, store: Store) -> Status:
    """Read where a plan stands; cheap enough to be called every second."""
    done = done_nodes(plan.nodes, store)
    claimed, broken = store.claimed(), store.broken()
    failures: dict[str, dict[str, str]] = {}
    active: list[Activity] = []
    damaged: list[str] = []
    for item in plan.nodes:
        if item.id in done:
            continue
        if item.id in claimed and is_held(store.lease(item.id)):
            active.append(_activity(item, last_event(store.events(item.id))))
            continue
        if (fault := store.fault_of(item.kind, item.id)) is not None:
            damaged.append(f"{item.title}: {fault}; the next run makes it again")
        failure = store.read_failure(item.id) if item.id in broken else None
        if failure is not None:
            failures[item.id] = failure
    counts: dict[str, Count] = {}
    for item in plan.nodes:
        known = counts.get(item.kind, Count(0, 0))
        counts[item.kind] = Count(known.done + (item.id in done), known.total + 1)
    blocked, aside = _blocked(plan, set(failures), done), describe_damage(store.root)
    return Status(counts, tuple(failures.values()), tuple(blocked), tuple(active), (*damaged, *aside))


def _activity(item: Node, event: dict[str, Any] | None) -> Activity:
    numbers = [(event or {}).get(name) for name in ("step", "steps", "from")]
    step, steps, begun = (number if isinstance(number, int) else 0 for number in numbers)
    return Activity(item.title, item.kind, step, steps, begun)


def _blocked(plan: Plan, failed: set[str], done: set[str]) -> list[str]:
    """Return titles of nodes that cannot go on because a node before them failed."""
    stuck = set(failed)
    titles = []
    for item in plan.nodes:
        if item.id not in stuck and item.id not in done and stuck.intersection(item.needs):
            stuck.add(item.id)
            titles.append(item.title)
    return titles
