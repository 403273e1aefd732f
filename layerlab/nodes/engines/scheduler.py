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
_DIED = "the worker died of "


def schedule(
    store: Store,
    units: Sequence[Unit],
    engine: Engine,
    *,
    retries: int = 0,
    tick: Callable[[], bool | None] = lambda: None,
    ended: Callable[[Unit], None] = lambda unit: None,
    patience: float | None = None,
    again: bool = True,
) -> None:
    """Carry out units on an engine; returns when each is complete, failed, or blocked by a failed one.

    Units start in the order of the plan as soon as what they need is complete. Any number of schedulers, in
    other processes and on other machines, may share a store: what another one holds is left to it.

    Args:
        store: Where nodes are read and results go.
        units: What is to be done.
        engine: Where; it is closed at the end, also after an error.
        retries: How often a unit whose worker died is tried again.
        tick: Called often; draws progress, and returns whether to leave what is left to others.
        ended: Called with each unit whose worker has ended with it.
        patience: How long to wait for others where nothing is to be done here, in seconds; None for as long
            as they are at work.
        again: Whether what failed before is tried here too; not where several share the work from the start.
    """
    state = _Schedule(store, engine, list(units), retries, ended, again)
    at_work = time.monotonic()
    try:
        while state.left or state.running:
            state.start_ready()
            at_work = time.monotonic() if state.running else at_work
            state.reap()
            leave = tick()
            if leave or state.stuck or (patience is not None and time.monotonic() - at_work > patience):
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
    again: bool = True
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
            if state == "ready" and (self.again or not has_failed(self.store, unit)):
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


def has_failed(store: Store, unit: Unit) -> bool:
    """Return whether a node of a unit failed when it was last tried."""
    return any(not store.is_complete(one) and store.read_failure(one) is not None for one in unit.nodes)


def note_crash(store: Store, unit: Unit, ended: Ended) -> None:
    """Leave a failure for the first node that a dead worker did not finish."""
    for node_id in unit.nodes:
        if not store.is_complete(node_id) and store.read_failure(node_id) is None:
            tail = ended.output.strip()
            last = tail.splitlines()[-1] if tail else "it printed nothing"
            error = StoreError(f"{_DIED}{ended.crash}: {last}")
            store.write_failure(node_id, unit.title, error, ended.output)
            return


def take_crash(store: Store, unit: Unit) -> tuple[str, str]:
    """Forget that a worker elsewhere died at a unit, and return of what, and what it printed; "" if none did.

    A scheduler that hears it decides whether the unit is tried again.
    """
    for node_id in unit.nodes:
        failure = None if store.is_complete(node_id) else store.read_failure(node_id)
        if failure is not None and failure["message"].startswith(_DIED):
            output = (store.failed(node_id) / "traceback.txt").read_text(encoding="utf-8")
            store.clear_failure(node_id)
            return failure["message"].removeprefix(_DIED).partition(": ")[0], output
    return "", ""


def run_in_order(store: Store, units: Sequence[Unit], run: Callable[[Unit], object]) -> None:
    """Carry out units one after the other in the order of the plan.

    For processes that share each fit: all of them must meet at the same nodes, so none may choose.
    """
    for unit in units:
        if state_of(store, unit) != "blocked":
            run(unit)
