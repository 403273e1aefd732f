"""The one scheduler: which unit starts when, on any engine; what failed, what is tried again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from layerlab.errors import StoreError
from layerlab.nodes.engines.engine import Ended, Engine
from layerlab.nodes.engines.unit import Unit, state_of
from layerlab.nodes.store.store import Store

POLL_SECONDS = 0.1


def schedule(
    store: Store,
    units: Sequence[Unit],
    engine: Engine,
    *,
    retries: int = 0,
    tick: Callable[[], None] = lambda: None,
    ended: Callable[[Unit], None] = lambda unit: None,
) -> None:
    """Carry out units on an engine; returns when each is complete, failed, or blocked by a failed one.

    Units start in the order of the plan as soon as what they need is complete. Any number of schedulers, in
    other processes and on other machines, may share a store: what another one holds is left to it.

    Args:
        store: Where nodes are read and results go.
        units: What is to be done.
        engine: Where; it is closed at the end, also after an error.
        retries: How often a unit whose worker died is tried again.
        tick: Called often; draws progress.
        ended: Called with each unit whose worker has ended with it.
    """
    state = _Schedule(store, engine, list(units), retries, ended)
    try:
        while state.left or state.running:
            state.start_ready()
            state.reap()
            tick()
            if state.stuck:
                return
            if state.left or state.running:
                time.sleep(POLL_SECONDS)
    finally:
        engine.close()


@dataclass
class _Schedule:
    """What is left, what runs where."""

    store: Store
    engine: Engine
    left: list[Unit]
    retries: int
    ended: Callable[[Unit], None]
    running: dict[int, Unit] = field(default_factory=dict)
    crashes: Counter[Unit] = field(default_factory=Counter)
    stuck: bool = False

    def start_ready(self) -> None:
        """Start what is ready while slots are free."""
        free = [slot for slot in range(self.engine.slots) if slot not in self.running]
        still: list[Unit] = []
        states: set[str] = set()
        for position, unit in enumerate(self.left):
            if not free:
                still.extend(self.left[position:])
                break
            state = state_of(self.store, unit)
            states.add(state)
            if state == "ready":
                slot = free.pop(0)
                self.running[slot] = unit
                self.engine.start(slot, unit)
            elif state in {"waiting", "busy"}:
                still.append(unit)
        self.left = still
        # What nobody works on, here or elsewhere, will not come.
        self.stuck = bool(still) and not self.running and states <= {"waiting", "blocked", "done"}

    def reap(self) -> None:
        """Free the slots of units that have ended.

        A unit whose worker died may be tried again; one of several parts falls into them, so that the node
        that killed it does not take the others down.
        """
        for ended in self.engine.poll():
            unit = self.running.pop(ended.slot)
            if not ended.crash:
                self.ended(unit)
                continue
            if unit.parts:
                self.left[:0] = unit.parts
                continue
            self.crashes[unit] += 1
            if self.crashes[unit] <= self.retries:
                self.left.insert(0, unit)
            else:
                note_crash(self.store, unit, ended)


def note_crash(store: Store, unit: Unit, ended: Ended) -> None:
    """Leave a failure for the first node that a dead worker did not finish."""
    for node_id in unit.nodes:
        if not store.is_complete(node_id) and store.read_failure(node_id) is None:
            tail = ended.output.strip()
            last = tail.splitlines()[-1] if tail else "it printed nothing"
            error = StoreError(f"the worker died of {ended.crash}: {last}")
            store.write_failure(node_id, unit.title, error, ended.output)
            return


def run_in_order(store: Store, units: Sequence[Unit], run: Callable[[Unit], object]) -> None:
    """Carry out units one after the other in the order of the plan.

    For processes that share each fit: all of them must meet at the same nodes, so none may choose.
    """
    for unit in units:
        if state_of(store, unit) != "blocked":
            run(unit)
