"""The embedded engine: a pool of fresh processes on this machine, with a slot for each worker."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from layerlab.errors import StoreError
from layerlab.nodes.engines.engine import Unit, state_of
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class LocalEngine:
    """Runs each unit in a process of its own; a crash takes down that unit only.

    Attributes:
        workers: Processes at a time.
        gpus: Ids of GPUs that the slots share in turn; empty for CPU workers with one thread each.
    """

    workers: int
    gpus: tuple[str, ...] = ()

    def execute(
        self, store: Store, units: Sequence[Unit], settings: WorkSettings, tick: Callable[[], None]
    ) -> None:
        """Carry out the units; see :class:`layerlab.nodes.engines.engine.Engine`."""
        threads = None if self.gpus else (settings.threads or 1)
        pool = _Pool(store, replace(settings, threads=threads), self.gpus)
        left = list(units)
        try:
            while left or pool.running:
                left = self._start(store, left, pool)
                pool.reap()
                tick()
                time.sleep(POLL_SECONDS)
        finally:
            pool.close()

    def _start(self, store: Store, left: list[Unit], pool: _Pool) -> list[Unit]:
        """Start what is ready while slots are free; return what is still to be started."""
        still: list[Unit] = []
        states: set[str] = set()
        for unit in left:
            slot = next((slot for slot in range(self.workers) if slot not in pool.running), None)
            if slot is None:
                still.append(unit)
                continue
            state = state_of(store, unit)
            states.add(state)
            if state == "ready":
                pool.start(slot, unit)
            elif state in {"waiting", "busy"}:
                still.append(unit)
        # Donors that nobody works on, here or elsewhere, will not come.
        return [] if not pool.running and states == {"waiting"} else still


class _Pool:
    """Workers, their slots and the nursery that they come from."""

    def __init__(self, store: Store, settings: WorkSettings, gpus: tuple[str, ...]) -> None:
        self.store, self.settings, self.gpus = store, settings, gpus
        self.running: dict[int, Unit] = {}
        self.reports: queue.Queue[dict[str, Any] | None] = queue.Queue()
        environment = dict(os.environ, HF_HUB_DISABLE_PROGRESS_BARS="1", TRANSFORMERS_VERBOSITY="error")
        # What this process can import, a user's own modules among it, its workers can too.
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        if settings.threads is not None:
            threads = str(settings.threads)
            environment.update(OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
        self.log = store.root / "logs" / f"pool-{os.getpid()}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.nursery = subprocess.Popen(
                [sys.executable, "-m", "layerlab.nodes.engines.nursery"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            )
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.orders: IO[bytes] = self.nursery.stdin
        threading.Thread(target=_listen, args=(self.nursery.stdout, self.reports), daemon=True).start()

    def start(self, slot: int, unit: Unit) -> None:
        """Order a worker for a unit."""
        environment = {"CUDA_VISIBLE_DEVICES": self.gpus[slot % len(self.gpus)]} if self.gpus else {}
        order = {
            "slot": slot,
            "store": str(self.store.root),
            "nodes": list(unit.nodes),
            "settings": asdict(self.settings),
            "environment": environment,
            "log": str(self._log_of(unit)),
        }
        self.running[slot] = unit
        try:
            self.orders.write(json.dumps(order).encode() + b"\n")
            self.orders.flush()
        except BrokenPipeError:
            return

    def reap(self) -> None:
        """Free the slots of workers that have ended, and note those that died."""
        while not self.reports.empty():
            report = self.reports.get()
            if report is None:
                tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:].strip()
                raise StoreError(f"the pool of workers died; {self.log} says: {tail or 'nothing'}")
            unit = self.running.pop(report["slot"])
            if report["code"] not in (0, 1):
                _note_crash(self.store, unit, report["code"], self._log_of(unit))

    def close(self) -> None:
        """End the nursery; workers that are still at it end soon after."""
        self.orders.close()
        if self.running:
            self.nursery.send_signal(signal.SIGTERM)
        self.nursery.wait()
        if self.log.exists() and self.log.stat().st_size == 0:
            self.log.unlink()

    def _log_of(self, unit: Unit) -> Path:
        return self.store.root / "logs" / f"{unit.nodes[0]}.log"


def _listen(stream: IO[bytes], reports: queue.Queue[dict[str, Any] | None]) -> None:
    try:
        for line in stream:
            reports.put(json.loads(line))
    finally:
        reports.put(None)


def _note_crash(store: Store, unit: Unit, code: int, log: Path) -> None:
    """Leave a failure for the first node that a dead worker did not finish."""
    for node_id in unit.nodes:
        if not store.is_complete(node_id) and store.read_failure(node_id) is None:
            reason = f"signal {-code}" if code < 0 else f"exit status {code}"
            tail = log.read_text(encoding="utf-8", errors="replace")[-4000:] if log.exists() else ""
            last = tail.strip().splitlines()[-1] if tail.strip() else "it printed nothing"
            error = StoreError(f"the worker died of {reason}: {last}")
            store.write_failure(node_id, unit.title, error, tail)
            return
