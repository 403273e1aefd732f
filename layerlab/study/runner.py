"""Run a plan: skip what is complete, hand the rest to an engine, gather records and failures."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from layerlab.errors import Problem, StudyError, unknown
from layerlab.nodes.engines.choice import default_engine
from layerlab.nodes.engines.engine import Detaching, Engine, MakeEngine, find_engine
from layerlab.nodes.engines.scheduler import run_in_order, schedule
from layerlab.nodes.engines.unit import Unit, make_units, with_memory
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.sharing import is_shared, process_rank
from layerlab.nodes.store.leftovers import sweep_leftovers
from layerlab.nodes.store.runners import announced
from layerlab.nodes.store.store import Store
from layerlab.nodes.worker import run_nodes
from layerlab.study.costs.memory import estimate_memory
from layerlab.study.directory.frames import write_frames
from layerlab.study.directory.keeping import KEEP, Keeping
from layerlab.study.directory.mirroring import begin_mirroring, end_mirroring, take_over
from layerlab.study.directory.parts import join_again, prepare_store
from layerlab.study.directory.pruning import revive
from layerlab.study.directory.status import Status, done_nodes, read_status
from layerlab.study.plan import Plan
from layerlab.study.precision import check_precision
from layerlab.study.progress import Progress
from layerlab.tracking.choice import check_trackers
from layerlab.training.shortcuts.shortcut import read_shortcuts

DEVICES = ("auto", "cpu")
#: Engines that compute on this machine.
LOCAL = ("inline", "local")


@dataclass(frozen=True)
class Outcome:
    """What a call of the runner left behind.

    Attributes:
        store: The results directory.
        status: Which nodes are complete, failed, blocked.
        seconds: Wall time of this call.
        n_new: Nodes that were completed meanwhile, by this process or one beside it.
        left_to: What goes on without this process, in words; "" if it did not detach.
    """

    store: Store
    status: Status
    seconds: float
    n_new: int
    left_to: str = ""

    @property
    def good(self) -> bool:
        """Whether every node of the plan is complete."""
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
    engine: str | MakeEngine | None = None,
    retries: int = 0,
    shortcuts: str | Sequence[str] = "all",
    keep: str | None = None,
    part: str | None = None,
    divided: bool = False,
    detach: bool = False,
    processes: int = 1,
    mirror: str | None = None,
) -> Outcome:
    """Carry out what is left of a plan and write its tidy frames: ``records.csv``, ``nodes.csv`` and others.

    Args:
        plan: What is to be done.
        folder: Results directory; shared by any number of processes.
        workers: Processes at a time; None for one a GPU or one a core, 0 for this process.
        device: ``auto`` or ``cpu``.
        checkpoint_seconds: Time between checkpoints of a fit.
        progress: Show progress on standard error.
        engine: Name of an engine, or what makes one; None for the embedded one.
        retries: How often work is tried again whose process died.
        shortcuts: Fast paths that may be taken: ``all``, ``none`` for the plain way, names, or ``-name`` for
            all but one; see :data:`layerlab.training.shortcuts.shortcut.SHORTCUTS`. They change no number.
        keep: Which fits keep their weights on the disk: ``needed``, ``all`` or ``none``; what the study says
            if None.
        part: What parts of one study have in common that run in one directory, see
            :func:`layerlab.study.directory.parts.part_of`; None for a study of its own.
        divided: Whether the plan joins the parts that were run before or are run beside it, instead of taking
            their place in the records.
        processes: Processes that share each fit, on as many GPUs; equal numbers up to rounding.
        mirror: URL of a folder in an object store through which hosts without a common directory share the
            study, each with a results directory of its own; None for the one that the directory has, if any.
        detach: Leave as soon as the engine has handed the work over to what goes on without this process.

    Raises:
        StoreError: The directory holds another study's results, or is none; or a mirror cannot be used.
        StudyError: There is no such device, engine, shortcut or choice of what is kept, the number of workers
            makes no sense, a tracker's package is not installed, or this machine is much slower in bf16,
            which the study asks for.
        KeyboardInterrupt: Somebody stopped it; a ``Cancelled`` if that was ``layerlab cancel``.
    """
    _check_options(device, workers, keep, processes)
    check_trackers(plan.study.report_to)
    started, store = time.monotonic(), Store(Path(folder))
    keeping = Keeping(plan.all_nodes, keep or plan.study.keep)
    settings = WorkSettings(
        checkpoint_seconds, device, shortcuts=read_shortcuts(shortcuts), processes=processes
    )
    if engine is None:
        engine = default_engine(workers)
    make = find_engine(engine) if isinstance(engine, str) else engine
    if engine in LOCAL:
        _check_precision(plan, store, device)
    prepare_store(plan, store, keeping, part=part, divided=divided)
    settings = replace(settings, mirror=begin_mirroring(plan, store, mirror))
    before = _begin(plan, store)
    with (
        _announced(store, engine, before),
        Progress(plan, store, enabled=progress and process_rank() == 0) as display,
    ):
        left_to = _carry_out(
            plan, store, settings, keeping, make, workers, retries, engine not in LOCAL, display.tick, detach
        )
    status = _end(plan, store, keeping, part)
    n_new = max(0, status.n_done - before.n_done)
    return Outcome(store, status, time.monotonic() - started, n_new, left_to)


def _announced(store: Store, engine: str | MakeEngine, before: Status) -> AbstractContextManager[None]:
    """Let others see this runner, and stop it, while something is left to do."""
    if before.complete or process_rank() > 0:
        return nullcontext()
    name = engine if isinstance(engine, str) else getattr(engine, "__name__", type(engine).__name__)
    return announced(store, f"engine {name}")


def _begin(plan: Plan, store: Store) -> Status:
    """Let what failed be tried again and what was pruned be made again; return what was done before."""
    before = read_status(plan, store)
    for failure in before.failures:
        store.clear_failure(failure["id"])
    if not before.complete:
        revive(plan, store)
    return before


def _end(plan: Plan, store: Store, keeping: Keeping, part: str | None) -> Status:
    """Remove what killed processes left, write the frames, and return what is done now."""
    first = process_rank() == 0
    if first:
        sweep_leftovers(store, done_nodes(plan.nodes, store))
    status = read_status(plan, store)
    if first and part is not None:
        join_again(plan, store, keeping, part)
    if first:
        write_frames(store)
    end_mirroring(plan, store)
    return status


def _check_options(device: str, workers: int | None, keep: str | None, processes: int) -> None:
    if processes < 1:
        raise StudyError([Problem("processes", f"expected a number of processes above 0, got {processes}")])
    if device not in DEVICES:
        raise StudyError([Problem("device", unknown("device", device, DEVICES))])
    if workers is not None and workers < 0:
        raise StudyError([Problem("workers", f"expected a number of processes or 0, got {workers}")])
    if keep is not None and keep not in KEEP:
        raise StudyError([Problem("keep", unknown("choice", keep, KEEP))])


def _carry_out(
    plan: Plan,
    store: Store,
    settings: WorkSettings,
    keeping: Keeping,
    make: MakeEngine,
    workers: int | None,
    retries: int,
    placed: bool,
    tick: Callable[[], None],
    detach: bool,
) -> str:
    """Carry out what is left of a plan, and let weights go that nothing waits for.

    Returns:
        What goes on without this process, see :class:`Outcome`.
    """
    done = done_nodes(plan.nodes, store)
    units = make_units(plan.nodes, lambda item: item.id in done, settings)
    if units and placed:
        units = with_memory(units, estimate_memory(plan).__getitem__)
    if is_shared():
        # Under torchrun or accelerate launch the processes share each fit, so there is no pool.
        run_in_order(store, units, lambda unit: run_nodes(store.root, unit.nodes, settings))
        if process_rank() == 0:
            keeping.clear(store, [node_id for unit in units for node_id in unit.nodes])
    elif units:
        engine = make(store, settings, min(workers, len(units)) if workers else None)
        handed_over = _handed_over(engine) if detach else None

        def ended(unit: Unit) -> None:
            take_over(store, unit.nodes)
            keeping.clear(store, unit.nodes)

        def draw_or_leave() -> bool:
            tick()
            return handed_over is not None and bool(handed_over())

        schedule(
            store,
            units,
            engine,
            retries=retries,
            tick=draw_or_leave,
            ended=ended,
        )
        return handed_over() if handed_over is not None else ""
    return ""


def _handed_over(engine: Engine) -> Callable[[], str]:
    """Return what says that an engine has handed its work over.

    Raises:
        StudyError: Its work ends with this process.
    """
    if not isinstance(engine, Detaching):
        engine.close()
        raise StudyError([Problem("detach", "expected an engine whose work goes on alone, such as slurm")])
    return lambda: engine.handed_over


def _check_precision(plan: Plan, store: Store, device: str) -> None:
    """Refuse what this machine would be much too slow for, and say what does not pay."""
    done = done_nodes(plan.nodes, store)
    warning = check_precision((item for item in plan.nodes if item.id not in done), device)
    if warning and process_rank() == 0:
        print(f"note: {warning}", file=sys.stderr)
