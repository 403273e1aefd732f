"""The embedded engine: a pool of fresh processes on this machine, with a slot for each worker."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from layerlab.errors import StoreError
from layerlab.nodes.engines.engine import Ended
from layerlab.nodes.engines.line import Line, quiet_environment
from layerlab.nodes.engines.output import tail_of
from layerlab.nodes.engines.unit import Unit
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.processes import mark

#: Nurseries that are killed one after the other before any unit ends; then something else is wrong.
MOST_DEATHS: Final = 3


class LocalEngine:
    """Carries out units in a process for each slot; a crash takes down one unit only.

    Workers are forked from a nursery, a process that has imported everything, and go on from unit to unit. A
    nursery that is killed takes its workers with it; there is a new one then, which gets their units.

    Attributes:
        slots: Processes at a time.
        gpus: Ids of GPUs that the slots share in turn; empty for CPU workers with one thread each.
    """

    def __init__(self, store: Store, settings: WorkSettings, slots: int, gpus: tuple[str, ...] = ()) -> None:
        threads = None if gpus else (settings.threads or 1)
        self.store, self.settings, self.slots, self.gpus = (
            store, replace(settings, threads=threads), slots, gpus,
        )  # fmt: skip
        self.running: dict[int, Unit] = {}
        self.deaths = 0
        self.log = store.root / "logs" / f"pool-{mark()}-{os.getpid()}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def start(self, slot: int, unit: Unit) -> None:
        """Order a worker for a unit."""
        self.running[slot] = unit
        self._order(slot)

    def poll(self) -> Iterable[Ended]:
        """Return the slots whose workers have ended, and how.

        Raises:
            StoreError: The nursery ended by itself, or was killed again and again.
        """
        ended = []
        while not self.line.reports.empty():
            report = self.line.reports.get()
            if report is None:
                self._open_again()
                continue
            self.deaths = 0
            unit, code = self.running.pop(report["slot"]), report["code"]
            if code in (0, 1):
                ended.append(Ended(report["slot"]))
            else:
                ended.append(Ended(report["slot"], describe_exit(code), tail_of(self._log_of(unit))))
        return ended

    def close(self) -> None:
        """End the nursery, and workers that are still at it after a checkpoint."""
        self.line.stop()
        self.line.hang_up()
        if self.log.exists() and self.log.stat().st_size == 0:
            self.log.unlink()

    def _open(self) -> None:
        """Start a nursery and listen to it."""
        self.line = Line("layerlab.nodes.engines.nursery", self.log, quiet_environment(self.settings.threads))

    def _open_again(self) -> None:
        """Start another nursery in the place of one that was killed, for all units that are running."""
        status = self.line.hang_up()
        self.deaths += 1
        if status >= 0 or self.deaths > MOST_DEATHS:
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:].strip()
            raise StoreError(
                f"the pool of workers died ({describe_exit(status)}); {self.log} says: {tail or 'nothing'}"
            )
        self._open()
        for slot in self.running:
            self._order(slot)

    def _order(self, slot: int) -> None:
        unit = self.running[slot]
        environment = {"CUDA_VISIBLE_DEVICES": self.gpus[slot % len(self.gpus)]} if self.gpus else {}
        order = {
            "slot": slot,
            "store": str(self.store.root),
            "nodes": list(unit.nodes),
            "settings": asdict(self.settings),
            "environment": environment,
            "log": str(self._log_of(unit)),
        }
        self.line.order(order)

    def _log_of(self, unit: Unit) -> Path:
        return self.store.root / "logs" / f"{unit.nodes[0]}.log"


def describe_exit(status: int) -> str:
    """Say how a process ended.

    >>> describe_exit(-9), describe_exit(70)
    ('signal 9', 'exit status 70')
    """
    return f"signal {-status}" if status < 0 else f"exit status {status}"
