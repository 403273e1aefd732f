"""Run a plan: skip what is complete, hand the rest to an engine, gather records and failures."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from layerlab.analysis.records import load_nodes, load_records, validate_records
from layerlab.errors import Problem, StoreError, StudyError, unknown
from layerlab.nodes.engines.engine import Engine, Unit
from layerlab.nodes.engines.inline import InlineEngine
from layerlab.nodes.engines.local import LocalEngine
from layerlab.nodes.environment import process_rank
from layerlab.nodes.jobs import FitJob
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.sharing import is_shared
from layerlab.nodes.store.store import Store, write_atomically
from layerlab.study.plan import Plan
from layerlab.study.progress import Progress
from layerlab.study.pruning import revive
from layerlab.study.status import Status, read_status

DEVICES = ("auto", "cpu")


@dataclass(frozen=True)
class Outcome:
    """What a call of the runner left behind.

    Attributes:
        store: The results directory.
        status: Which nodes are complete, failed, blocked.
        seconds: Wall time of this call.
        n_new: Nodes that were completed meanwhile, by this process or one beside it.
    """

    store: Store
    status: Status
    seconds: float
    n_new: int

    @property
    def good(self) -> bool:
        """Whether every run of the plan is complete."""
        return self.status.complete

    def __repr__(self) -> str:
        return f"<Outcome {self.status.summary()}; {self.n_new} nodes in {self.seconds:.1f} s>"


def run_plan(
    plan: Plan,
    folder: str | Path,
    *,
    workers: int | None = None,
    device: str = "auto",
    checkpoint_seconds: float = 60.0,
    progress: bool = True,
    engine: Engine | None = None,
) -> Outcome:
    """Carry out what is left of a plan and write ``records.csv`` and ``nodes.csv``.

    Args:
        plan: What is to be done.
        folder: Results directory; shared by any number of processes.
        workers: Processes at a time; None for one a GPU or one a core, 0 for this process.
        device: ``auto`` or ``cpu``.
        checkpoint_seconds: Time between checkpoints of a fit.
        progress: Show progress on standard error.
        engine: Another way to carry out units.

    Raises:
        StoreError: The directory holds another study's results.
        StudyError: There is no such device, or the number of workers makes no sense.
    """
    if device not in DEVICES:
        raise StudyError([Problem("device", unknown("device", device, DEVICES))])
    if workers is not None and workers < 0:
        raise StudyError([Problem("workers", f"expected a number of processes or 0, got {workers}")])
    started = time.monotonic()
    store = Store(Path(folder))
    prepare_store(plan, store)
    before = read_status(plan, store)
    for failure in before.failures:
        store.clear_failure(failure["id"])
    revive(plan, store)
    units = make_units(plan, store)
    settings = WorkSettings(checkpoint_seconds=checkpoint_seconds, device=device)
    chosen = engine or choose_engine(workers, device, len(units))
    with Progress(plan, store, enabled=progress and process_rank() == 0) as display:
        if units:
            chosen.execute(store, units, settings, display.tick)
    status = read_status(plan, store)
    if process_rank() == 0:
        write_frames(store)
    n_new = (status.n_done - before.n_done) if status.n_done > before.n_done else 0
    return Outcome(store, status, time.monotonic() - started, n_new)


def prepare_store(plan: Plan, store: Store) -> None:
    """Write the study, the jobs and the manifest of a plan.

    Raises:
        StoreError: The directory holds another study's results.
    """
    previous = store.read_manifest()
    if previous is not None and previous["study"] != plan.study.name:
        raise StoreError(
            f"{store.root} holds study {previous['study']!r}, not {plan.study.name!r}; "
            "choose another directory"
        )
    plan = plan.whole or plan
    for pretraining in plan.pretrainings:
        store.write_job(pretraining)
    for fit in plan.fits:
        store.write_job(fit)
    for run in plan.runs:
        store.write_job(run)
    write_atomically(store.root / "study.yaml", plan.study.to_yaml())
    store.write_manifest(
        {
            "study": plan.study.name,
            "runs": [job.id for job in plan.runs],
            "fits": [job.id for job in plan.fits],
            "pretrainings": [job.id for job in plan.pretrainings],
            "columns": {job.id: dict(job.columns) for job in plan.runs},
            "imports": list(plan.study.imports),
        }
    )


def make_units(plan: Plan, store: Store) -> list[Unit]:
    """Return what is left to do: pretrainings, fits with their runs, and runs that need other fits."""
    units = [
        Unit(job.title(), (job.id,)) for job in plan.pretrainings if not store.is_done("pretraining", job.id)
    ]
    later: list[Unit] = []
    for fit, runs in plan.groups():
        left = [run for run in runs if not store.is_done("run", run.id)]
        alone = [run.id for run in left if not run.needs]
        if alone or not store.is_done("fit", fit.id):
            units.append(Unit(fit.title(), (fit.id, *alone), _needs_of(fit)))
        needy = [run for run in left if run.needs]
        if needy:
            needs = frozenset({fit.id, *(need for run in needy for need in run.needs)})
            later.append(Unit(needy[0].title(), tuple(run.id for run in needy), needs))
    return [*units, *later]


def _needs_of(fit: FitJob) -> frozenset[str]:
    return frozenset(fit.needs if fit.pretraining is None else (fit.pretraining, *fit.needs))


def choose_engine(workers: int | None, device: str, n_units: int) -> Engine:
    """Choose the embedded engine: a worker a GPU, else a worker a core; 0 workers stay in this process.

    Under ``torchrun`` or ``accelerate launch`` the processes share each fit, so there is no pool.
    """
    if workers == 0 or is_shared() or not hasattr(os, "fork"):
        return InlineEngine()
    gpus = _visible_gpus() if device != "cpu" else ()
    n_workers = workers or len(gpus) or usable_cores()
    return LocalEngine(max(1, min(n_workers, n_units)), gpus)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _visible_gpus() -> tuple[str, ...]:
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(part for part in named.split(",") if part)
    return tuple(str(index) for index in range(torch.cuda.device_count()))


def write_frames(store: Store) -> None:
    """Write the tidy frames of a store beside its runs."""
    records, nodes = load_records(store.root), load_nodes(store.root)
    write_atomically(store.root / "records.csv", validate_records(records).to_csv(index=False))
    write_atomically(store.root / "nodes.csv", nodes.to_csv(index=False))
