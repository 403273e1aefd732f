"""The engine: as many jobs as there is work for; how their units ended is read from the store."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from layerlab.nodes.engines.engine import Ended
from layerlab.nodes.engines.on_slurm.jobs import describe_jobs, find_jobs, folder_of
from layerlab.nodes.engines.on_slurm.options import SlurmOptions
from layerlab.nodes.engines.output import tail_of
from layerlab.nodes.engines.scheduler import has_failed, take_crash
from layerlab.nodes.engines.unit import Unit
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.lease import is_held
from layerlab.nodes.store.store import Store

#: Time between two looks at the store, and between two questions to SLURM, in seconds.
LOOK_SECONDS: Final = 1.0
ASK_SECONDS: Final = 15.0
#: How long what a job did may take to be seen here, on a shared directory, after the job is gone; in seconds.
LATE_SECONDS: Final = 30.0


class SlurmEngine:
    """Carries out units in jobs, each of which takes what is ready until nothing is left.

    Jobs choose for themselves and share the store with this runner, which may end: they go on without it.

    Attributes:
        slots: Units at a time: those of all jobs.
        per_job: Units at a time in a job.
        options: What a job asks for.
        running: Units that jobs are asked to see to, by slot.
    """

    def __init__(
        self, store: Store, settings: WorkSettings, options: SlurmOptions, slots: int | None = None
    ) -> None:
        self.per_job = options.workers_for(settings.processes)
        most = options.jobs * self.per_job
        self.store, self.settings, self.options = store, settings, options
        self.slots = min(slots or most, most)
        self.running: dict[int, Unit] = {}
        self._failing: set[int] = set()
        self._looked = self._asked = float("-inf")
        self._n_jobs, self._seen = 0, 0.0  # jobs that wait or run, and when there last were any
        self._submitted = False  # since a unit ended last
        self._handed_over = ""

    @property
    def handed_over(self) -> str:
        """What goes on without this runner, in words; "" while jobs may still have to be submitted."""
        return self._handed_over

    def start(self, slot: int, unit: Unit) -> None:
        """Ask for a unit, also for one that failed; the next :meth:`poll` sees to it that there are jobs."""
        for node_id in unit.nodes:
            self.store.clear_failure(node_id)
        self.running[slot] = unit

    def poll(self) -> Iterable[Ended]:
        """Return the units that have ended, and submit jobs where there are too few.

        Raises:
            StudyError: SLURM refuses the jobs.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return []
        over = [slot for slot in self.running if self._is_over(slot)]
        ended = [Ended(slot, *take_crash(self.store, self.running.pop(slot))) for slot in over]
        self._submitted = self._submitted and not ended
        if now - self._asked > ASK_SECONDS or (self.running and not self._n_jobs):
            ended += self._tend()
        self._looked = time.monotonic()
        return ended

    def close(self) -> None:
        """Leave the jobs at work; they end where nothing is left, or by ``layerlab cancel``."""

    def _is_over(self, slot: int) -> bool:
        """Return whether jobs are done with a unit: complete, or failed at two looks with nobody at it."""
        unit = self.running[slot]
        left = [one for one in unit.nodes if not self.store.is_complete(one)]
        failing = has_failed(self.store, unit) and not any(is_held(self.store.lease(one)) for one in left)
        over = not left or (failing and slot in self._failing)
        if failing and not over:
            self._failing.add(slot)
        else:
            self._failing.discard(slot)
        return over

    def _tend(self) -> list[Ended]:
        """Submit jobs for units that have none; give units up whose jobs ended and left them."""
        from layerlab.nodes.engines.on_slurm.submission import submit  # submitit is an extra

        jobs = find_jobs(self.store)
        wanted = min(self.options.jobs, -(-len(self.running) // self.per_job))
        if wanted > len(jobs) and not self._submitted:
            submit(self.options, self.store, self.settings, wanted - len(jobs))
            self._submitted, jobs = True, find_jobs(self.store)
            self._seen = time.monotonic()
        self._asked, self._n_jobs = time.monotonic(), len(jobs)
        self._seen = self._asked if jobs else self._seen
        if self.running and self._asked - self._seen > LATE_SECONDS:
            return self._give_up()
        self._handed_over = f"jobs: {describe_jobs(jobs)}" if jobs else "nothing new was to be submitted"
        return []

    def _give_up(self) -> list[Ended]:
        """Return the units that no job saw to, though all have ended since the last unit did."""
        logs = sorted(folder_of(self.store).glob("*_log.out"), key=lambda path: path.stat().st_mtime)
        tail = tail_of(logs[-1]) if logs else ""
        where = f"the end of its job, see {logs[-1]}" if logs else "the end of its job"
        ended = [Ended(slot, where, tail) for slot in self.running]
        self.running.clear()
        self._submitted = False
        return ended
