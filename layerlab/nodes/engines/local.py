"""The embedded engine: a pool of fresh processes on this machine, with a slot for each worker."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any, Final

from layerlab.errors import StoreError
from layerlab.nodes.engines.engine import Ended
from layerlab.nodes.engines.nursery import STOP
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
        while not self.reports.empty():
            report = self.reports.get()
            if report is None:
                self._open_again()
                continue
            self.deaths = 0
            unit, code = self.running.pop(report["slot"]), report["code"]
            if code in (0, 1):
                ended.append(Ended(report["slot"]))
            else:
                ended.append(Ended(report["slot"], describe_exit(code), _tail(self._log_of(unit))))
        return ended

    def close(self) -> None:
        """End the nursery, and workers that are still at it after a checkpoint."""
        if not self.orders.closed:
            with suppress(BrokenPipeError):
                self.orders.write(json.dumps(STOP).encode() + b"\n")
            with suppress(BrokenPipeError):
                self.orders.close()
        self.nursery.wait()
        if self.log.exists() and self.log.stat().st_size == 0:
            self.log.unlink()

    def _open(self) -> None:
        """Start a nursery and listen to it."""
        with self.log.open("wb") as log:
            self.nursery = subprocess.Popen(
                [sys.executable, "-P", "-m", "layerlab.nodes.engines.nursery"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(self.settings.threads),
            )
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.orders: IO[bytes] = self.nursery.stdin
        self.reports: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=_listen, args=(self.nursery.stdout, self.reports), daemon=True).start()

    def _open_again(self) -> None:
        """Start another nursery in the place of one that was killed, for all units that are running."""
        with suppress(BrokenPipeError):
            self.orders.close()
        status = self.nursery.wait()
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
        with suppress(BrokenPipeError):  # a dead nursery is seen by the end of its reports
            self.orders.write(json.dumps(order).encode() + b"\n")
            self.orders.flush()

    def _log_of(self, unit: Unit) -> Path:
        return self.store.root / "logs" / f"{unit.nodes[0]}.log"


def describe_exit(status: int) -> str:
    """Say how a process ended.

    >>> describe_exit(-9), describe_exit(70)
    ('signal 9', 'exit status 70')
    """
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _environment(threads: int | None) -> dict[str, str]:
    environment = dict(os.environ, HF_HUB_DISABLE_PROGRESS_BARS="1", TRANSFORMERS_VERBOSITY="error")
    # What this process can import, a user's own modules among it, its workers can too, in the same order:
    # with -P, Python does not put the current directory first.
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    if threads is not None:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment.update(dict.fromkeys(names, str(threads)))
    return environment


def _listen(stream: IO[bytes], reports: queue.Queue[dict[str, Any] | None]) -> None:
    try:
        for line in stream:
            reports.put(json.loads(line))
    finally:
        reports.put(None)


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-4000:] if log.exists() else ""
