"""The engine on a Ray cluster, as the runner sees it: a driver does what is Ray's.

The driver is a process of its own, because Ray ends the process that is a cluster's client when the cluster's
head has been away for a minute. The runner outlives that: it starts another driver, which finds the cluster
where it comes back, and gives it the units that were running. What their workers had finished is not done
again, and what a worker that still lives is at is left to it by its lease.
"""

from __future__ import annotations

import os
import queue
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from layerlab.errors import StoreError
from layerlab.files import write_text
from layerlab.nodes.engines.engine import Ended
from layerlab.nodes.engines.line import Line, quiet_environment
from layerlab.nodes.engines.on_ray.address import address_of, fault_of
from layerlab.nodes.engines.on_ray.options import RayOptions
from layerlab.nodes.engines.output import tail_of
from layerlab.nodes.engines.unit import Unit
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.processes import mark, search_path

#: How long a driver may take to find a cluster, or to start one, in seconds.
START_SECONDS: Final = 120.0
#: A driver that says nothing for so long waits for a head that is gone, in seconds.
SILENCE_SECONDS: Final = 90.0
#: How long a driver may take to end beside what its workers may take, in seconds.
END_SECONDS: Final = 20.0
#: Drivers that end one after the other before any unit ends; then something else is wrong.
MOST_DEATHS: Final = 5
_PAUSE: Final = 2.0
_MODULE: Final = "layerlab.nodes.engines.on_ray.driver"


class RayEngine:
    """Carries out units on the hosts of a Ray cluster, as many at a time as there is room for.

    Attributes:
        options: Where the cluster is, and what a worker takes of it.
        running: What was started and has not ended, by slot; Ray never holds more.
    """

    def __init__(self, store: Store, settings: WorkSettings, options: RayOptions, slots: int | None) -> None:
        """Find the cluster, or start one.

        Raises:
            StoreError: There is no such cluster, or none of its hosts is large enough.
        """
        self.store, self.settings, self.options, self.asked = store, settings, options, slots
        self.address = address_of(options.address)
        self.running: dict[int, Unit] = {}
        self.room, self.gpus, self.deaths = 1, 0.0, 0
        self.heard = time.monotonic()
        self.log = store.root / "logs" / f"ray-{mark()}-{os.getpid()}.log"
        #: Workers that see this file see the results directory itself and no other one of that name.
        self.proof = self.log.with_suffix(".proof")
        write_text(self.proof, "")
        self.log.write_bytes(b"")
        self.line: Line | None = None
        try:
            if fault := self._open():
                raise StoreError(fault)
        except BaseException:
            self.close()
            raise

    @property
    def slots(self) -> int:
        """How many units it carries out at a time: as asked for, else as many as the cluster has room for."""
        return self.asked or max(1, self.room)

    def start(self, slot: int, unit: Unit) -> None:
        """Order a worker for a unit."""
        self.running[slot] = unit
        self._order(slot)

    def poll(self) -> Iterable[Ended]:
        """Return the slots whose workers have ended, and how.

        Raises:
            StoreError: The cluster went away and did not come back, or its hosts do not see the results.
        """
        ended: list[Ended] = []
        while True:
            assert self.line is not None
            try:
                report = self.line.reports.get_nowait()
            except queue.Empty:
                if time.monotonic() - self.heard > SILENCE_SECONDS:
                    self.line.process.kill()
                return ended
            if report is None:
                self._open_again()
                continue
            self.heard = time.monotonic()
            if "refused" in report:
                raise StoreError(report["refused"])
            self.room = report.get("room", self.room)
            if "slot" in report:
                self.deaths = 0
                unit = self.running.pop(report["slot"])
                output = tail_of(self._log_of(unit)) if report["crash"] else ""
                ended.append(Ended(report["slot"], report["crash"], output))

    def close(self) -> None:
        """End the workers, those that are still at it after a checkpoint, and a cluster that was started."""
        if self.line is not None:
            self.line.stop()
            self.line.hang_up(self.settings.grace_seconds + END_SECONDS)
        for path in (self.proof, self.log):
            if path.exists() and path.stat().st_size == 0:
                path.unlink()

    def _open(self) -> str:
        """Start a driver and wait until it has found the cluster; return what went wrong."""
        if fault := fault_of(self.address):
            return fault
        self.line = line = Line(_MODULE, self.log, quiet_environment(self.options.cores), apart=True)
        line.order(
            {
                "options": self.options.model_dump(),
                "workers": self.asked,
                "device": self.settings.device,
                "processes": self.settings.processes,
                "grace": self.settings.grace_seconds,
                "path": [*search_path(), os.getcwd()],
            }
        )
        try:
            report = line.reports.get(timeout=START_SECONDS)
        except queue.Empty:
            line.process.kill()
            report = None
        self.heard = time.monotonic()
        if report is None:
            said = tail_of(self.log).strip()
            return f"no Ray cluster {self._where()}; {self.log} says: {_last_line(said) or 'nothing'}"
        self.room = report.get("room", 1)
        self.gpus = report.get("gpus", 0.0)
        return str(report.get("refused", ""))

    def _open_again(self) -> None:
        """Start another driver in the place of one that ended, for all units that are running."""
        self._hang_up()
        self.deaths += 1
        print(f"the Ray cluster {self._where()} went away; waiting for it", file=sys.stderr)
        deadline, fault = time.monotonic() + self.options.patience, "its driver ends again and again"
        while self.deaths <= MOST_DEATHS and (fault := self._open()):
            self._hang_up()
            if time.monotonic() > deadline:
                break
            time.sleep(_PAUSE)
        if fault:
            raise StoreError(
                f"the Ray cluster {self._where()} went away and did not come back: {fault}; "
                "what is complete is kept, and the same command goes on from there"
            )
        print("the Ray cluster is back", file=sys.stderr)
        for slot in self.running:
            self._order(slot)

    def _hang_up(self) -> None:
        """Let go of a driver that has ended or is of no use."""
        if self.line is not None:
            self.line.hang_up(0.0)
            self.line = None

    def _order(self, slot: int) -> None:
        unit = self.running[slot]
        device = self.settings.device if self.gpus else "cpu"
        settings = replace(self.settings, threads=self.options.cores, device=device)
        order: dict[str, Any] = {
            "slot": slot,
            "store": str(self.store.root.resolve()),
            "nodes": list(unit.nodes),
            "needs": sorted(unit.needs),
            "memory": int(self.options.memory or unit.memory),
            "settings": asdict(settings),
            "log": str(self._log_of(unit).resolve()),
            "proof": str(self.proof.resolve()),
        }
        assert self.line is not None
        self.line.order(order)

    def _log_of(self, unit: Unit) -> Path:
        return self.store.root / "logs" / f"{unit.nodes[0]}.log"

    def _where(self) -> str:
        return f"at {self.address}" if self.address else "on this machine"


def _last_line(text: str) -> str:
    return text.splitlines()[-1] if text else ""
