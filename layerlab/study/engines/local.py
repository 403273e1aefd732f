"""The embedded engine: a pool of fresh processes on this machine, with a slot for each worker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from layerlab.errors import StoreError
from layerlab.study.engines.engine import Unit, needs_state
from layerlab.study.store import Store
from layerlab.study.work import WorkSettings

POLL_SECONDS = 0.1


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    unit: Unit
    log: Path


@dataclass
class LocalEngine:
    """Runs each unit in a process of its own; a crash takes down that unit only.

    Attributes:
        workers: Processes at a time.
        gpus: Ids of GPUs that the slots share in turn; empty for CPU workers with one thread each.
    """

    workers: int
    gpus: tuple[str, ...] = ()
    _running: dict[int, _Worker] = field(default_factory=dict)

    def execute(
        self, store: Store, units: Sequence[Unit], settings: WorkSettings, tick: Callable[[], None]
    ) -> None:
        """Carry out the units; see :class:`layerlab.study.engines.engine.Engine`."""
        left = list(units)
        try:
            while left or self._running:
                left = self._start(store, left, settings)
                self._reap(store)
                tick()
                time.sleep(POLL_SECONDS)
        finally:
            for worker in self._running.values():
                worker.process.terminate()
            for worker in self._running.values():
                worker.process.wait()
            self._running.clear()

    def _start(self, store: Store, left: list[Unit], settings: WorkSettings) -> list[Unit]:
        waiting = []
        for unit in left:
            state = needs_state(store, unit)
            slot = next((slot for slot in range(self.workers) if slot not in self._running), None)
            if state == "ready" and slot is not None:
                self._running[slot] = self._spawn(store, unit, settings, slot)
            elif state != "blocked":
                waiting.append(unit)
        if waiting and not self._running and all(needs_state(store, u) == "waiting" for u in waiting):
            # Their donors are in nobody's hands: not in this plan's units and not complete.
            return []
        return waiting

    def _spawn(self, store: Store, unit: Unit, settings: WorkSettings, slot: int) -> _Worker:
        log = store.root / "logs" / f"{unit.nodes[0]}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "layerlab", "run-one", str(store.root), *unit.nodes]
        command += ["--checkpoint-seconds", str(settings.checkpoint_seconds), "--device", settings.device]
        command += ["--parent", str(os.getpid())]
        environment = dict(os.environ)
        environment.update(HF_HUB_DISABLE_PROGRESS_BARS="1", TRANSFORMERS_VERBOSITY="error")
        if self.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = self.gpus[slot % len(self.gpus)]
        else:
            threads = str(settings.threads or 1)
            environment.update(OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads)
            command += ["--threads", threads]
        with log.open("wb") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=environment
            )
        return _Worker(process, unit, log)

    def _reap(self, store: Store) -> None:
        for slot, worker in list(self._running.items()):
            code = worker.process.poll()
            if code is None:
                continue
            del self._running[slot]
            if code not in (0, 1):
                _note_crash(store, worker, code)


def _note_crash(store: Store, worker: _Worker, code: int) -> None:
    """Leave a failure for the first node that a dead worker did not finish."""
    for node_id in worker.unit.nodes:
        kind = store.kind_of(node_id)
        if not store.is_done(kind, node_id) and store.read_failure(node_id) is None:
            reason = f"signal {-code}" if code < 0 else f"exit status {code}"
            tail = worker.log.read_text(encoding="utf-8", errors="replace")[-4000:]
            last = tail.strip().splitlines()[-1] if tail.strip() else "it printed nothing"
            error = StoreError(f"the worker died of {reason}: {last}")
            store.write_failure(node_id, worker.unit.title, error, tail)
            return
