"""Where a study stands, read from its results directory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from layerlab.names import plural, visible
from layerlab.nodes.store.damage import describe_damage
from layerlab.nodes.store.events import last_event
from layerlab.nodes.store.lease import is_held
from layerlab.nodes.store.store import Store

if TYPE_CHECKING:
    from layerlab.nodes.node import Node
    from layerlab.study.plan import Plan


class Listed(Protocol):
    """What is known of a node of a plan, see :class:`layerlab.nodes.node.Node`."""

    @property
    def kind(self) -> str:
        """Its kind."""
        ...

    @property
    def id(self) -> str:
        """Its identity."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Ids of the nodes that must be complete first."""
        ...

    @property
    def title(self) -> str:
        """One line for people."""
        ...


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
        active: Nodes that are being worked on now, those that count steps first.
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
    """Read where a plan stands; cheap enough to be called every second, since records are read once."""
    done = done_nodes(plan.nodes, store)
    left = [item for item in plan.nodes if item.id not in done]
    return state_of(left, Counter(item.kind for item in plan.nodes), store, store.fault_of)


def state_of(
    left: Sequence[Listed],
    totals: Mapping[str, int],
    store: Store,
    fault_of: Callable[[str, str], str | None],
) -> Status:
    """Return where a plan stands.

    Args:
        left: Its nodes that are not complete, each after those that it needs.
        totals: How many nodes of each kind it has.
        store: Their results directory.
        fault_of: Says what is wrong with the folder of a node of a kind, in words.
    """
    claimed, broken = store.claimed(), store.broken()
    failures: dict[str, dict[str, str]] = {}
    active: list[Activity] = []
    damaged: list[str] = []
    for item in left:
        if item.id in claimed and is_held(store.lease(item.id)):
            active.append(_activity(item, last_event(store.events(item.id))))
            continue
        if (fault := fault_of(item.kind, item.id)) is not None:
            damaged.append(f"{item.title}: {fault}; the next run makes it again")
        failure = store.read_failure(item.id) if item.id in broken else None
        if failure is not None:
            failures[item.id] = failure
    missing = Counter(item.kind for item in left)
    counts = {kind: Count(total - missing[kind], total) for kind, total in totals.items()}
    blocked, aside = _blocked(left, set(failures)), describe_damage(store.root)
    active.sort(key=lambda activity: not activity.steps)
    return Status(counts, tuple(failures.values()), tuple(blocked), tuple(active), (*damaged, *aside))


def _activity(item: Listed, event: dict[str, Any] | None) -> Activity:
    numbers = [(event or {}).get(name) for name in ("step", "steps", "from")]
    step, steps, begun = (number if isinstance(number, int) else 0 for number in numbers)
    return Activity(item.title, item.kind, step, steps, begun)


def _blocked(left: Sequence[Listed], failed: set[str]) -> list[str]:
    """Return titles of nodes that cannot go on because a node before them failed."""
    stuck = set(failed)
    titles = []
    for item in left if failed else ():
        if item.id not in stuck and stuck.intersection(item.needs):
            stuck.add(item.id)
            titles.append(item.title)
    return titles
