"""The contract of an engine, and the units of work that it gets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.lease import is_held
from layerlab.nodes.store.store import Store


@dataclass(frozen=True)
class Unit:
    """Nodes that one worker carries out one after the other.

    Attributes:
        title: One line for progress.
        nodes: Ids in order: a fit and those runs that need nothing else, or runs that need other fits.
        needs: Ids of pretrainings and fits of other units that must be complete first.
    """

    title: str
    nodes: tuple[str, ...]
    needs: frozenset[str] = frozenset()


class Engine(Protocol):
    """Executes ``layerlab run-one STORE ID...`` for each unit, somewhere, respecting ``needs``."""

    def execute(
        self, store: Store, units: Sequence[Unit], settings: WorkSettings, tick: Callable[[], None]
    ) -> None:
        """Carry out the units; returns when each is complete, failed or blocked by a failed one.

        Args:
            store: Where jobs are read and results go.
            units: What is to be done.
            settings: Checkpoints, device, threads.
            tick: To be called often; draws progress.
        """
        ...


def state_of(store: Store, unit: Unit) -> str:
    """Return where a unit stands.

    Returns:
        ``done``; ``blocked`` by a failed donor; ``waiting`` for a donor; ``busy``, in the hands of another
        process; or ``ready``.
    """
    left = [node for node in unit.nodes if not store.is_complete(node)]
    if not left:
        return "done"
    missing = [need for need in unit.needs if not store.is_complete(need)]
    if any(is_held(store.lease(need)) for need in missing):
        return "busy"
    if missing:
        return "blocked" if any(store.read_failure(need) for need in missing) else "waiting"
    return "busy" if is_held(store.lease(left[0])) else "ready"
