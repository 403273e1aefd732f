"""What a worker does: carry out nodes by id, under leases; failures are left behind, not died of."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from layerlab.errors import StudyError
from layerlab.extensions import import_modules
from layerlab.nodes.environment import process_rank
from layerlab.nodes.jobs import RunJob
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.sharing import agree, is_shared, meet
from layerlab.nodes.store.events import reporter
from layerlab.nodes.store.lease import claim, is_held
from layerlab.nodes.store.store import Kind, Store
from layerlab.training.events import Report, silent

POLL_SECONDS = 0.5


def run_nodes(root: Path, node_ids: Sequence[str], settings: WorkSettings) -> bool:
    """Carry out nodes; what a run or fit needs and is missing is done first. Idempotent.

    Returns:
        Whether all of them are complete at the end. Failures are in the store.
    """
    prepare_process(settings)
    store = Store(root)
    problems = import_modules((store.read_manifest() or {}).get("imports", ()))
    if problems:
        raise StudyError(problems, str(root))
    good = True
    fit_ids: dict[str, list[str]] = {}
    for node_id in node_ids:
        kind = store.kind_of(node_id)
        if kind == "pretraining":
            good = do_pretraining(store, node_id, settings) and good
        elif kind == "fit":
            fit_ids.setdefault(node_id, [])
        else:
            fit_ids.setdefault(store.read_run(node_id).fit_id, []).append(node_id)
    for fit_id, run_ids in fit_ids.items():
        fitted = do_fit(store, fit_id, settings)
        # Evaluation is one process's work; the others go on to the next fit and meet it there.
        good = fitted and (process_rank() > 0 or do_runs(store, fit_id, run_ids, settings)) and good
    return good


def prepare_process(settings: WorkSettings) -> None:
    """Set the threads of this process and keep transformers quiet, before models are loaded."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    quieten_transformers()
    if settings.threads is not None:
        import torch

        torch.set_num_threads(settings.threads)


def quieten_transformers() -> None:
    """Show errors of transformers only: no bars for loading weights, no reports of unused heads."""
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def do_pretraining(
    store: Store, pretraining_id: str, settings: WorkSettings, watch: Report | None = None
) -> bool:
    """Carry out a pretraining unless it is complete; return whether it is at the end.

    Args:
        store: The results directory.
        pretraining_id: Which one.
        settings: Checkpoints, device, threads.
        watch: Gets the events of this process too.
    """
    from layerlab.nodes.pretraining import execute_pretraining

    job = store.read_pretraining(pretraining_id)
    report = reporter(store.events(pretraining_id))
    action = partial(execute_pretraining, store, job, settings, report, watch or silent)
    attempt = _attempt_together if is_shared() else _attempt
    return attempt(store, "pretraining", pretraining_id, job.title(), action)


def do_fit(store: Store, fit_id: str, settings: WorkSettings) -> bool:
    """Carry out a fit unless it is complete; return whether it is at the end."""
    from layerlab.nodes.fitting import execute_fit

    job = store.read_fit(fit_id)
    if job.pretraining is not None and not do_pretraining(store, job.pretraining, settings):
        return False
    action = partial(execute_fit, store, job, settings, reporter(store.events(fit_id)))
    attempt = _attempt_together if is_shared() else _attempt
    return attempt(store, "fit", fit_id, job.title(), action)


def do_runs(store: Store, fit_id: str, run_ids: Sequence[str], settings: WorkSettings) -> bool:
    """Carry out the runs of a complete fit that are left; return whether all are complete at the end."""
    from layerlab.nodes.evaluating import FittedModel, execute_run, load_fitted

    fitted: FittedModel | None = None

    def evaluate(job: RunJob) -> None:
        nonlocal fitted
        fitted = fitted or load_fitted(store, fit_id, settings)
        execute_run(store, fitted, job, reporter(store.events(job.id)))

    left = [run_id for run_id in run_ids if not store.is_done("run", run_id)]
    # What another process holds comes last: it may be complete by then.
    left.sort(key=lambda run_id: is_held(store.lease(run_id)))
    good = True
    for run_id in left:
        job = store.read_run(run_id)
        good = _attempt(store, "run", run_id, job.title(), partial(evaluate, job)) and good
    return good


def _attempt(store: Store, kind: Kind, node_id: str, title: str, action: Callable[[], None]) -> bool:
    """Do a node under its lease; wait if another process is at it, and take over if that one dies."""
    while not store.is_done(kind, node_id):
        with claim(store.lease(node_id)) as mine:
            if mine and not store.is_done(kind, node_id):
                store.sweep(kind, node_id)
                return _execute(store, node_id, title, action)
        time.sleep(POLL_SECONDS)
        while is_held(store.lease(node_id)) and not store.is_done(kind, node_id):
            time.sleep(POLL_SECONDS)
        if not store.is_done(kind, node_id) and store.read_failure(node_id) is not None:
            return False
    return True


def _attempt_together(store: Store, kind: Kind, node_id: str, title: str, action: Callable[[], None]) -> bool:
    """Do a node with several processes: the first holds the lease, decides for all and writes the store."""
    if process_rank() > 0:
        if agree(None):
            # What goes wrong here goes wrong in the first process too, which tells of it.
            _swallow(action)
        meet()
        return store.is_done(kind, node_id)

    started = False

    def lead() -> None:
        nonlocal started
        started = agree(True)
        action()

    good = _attempt(store, kind, node_id, title, lead)
    if not started:
        agree(False)
    meet()
    return good


def _execute(store: Store, node_id: str, title: str, action: Callable[[], None]) -> bool:
    try:
        action()
    except Exception as error:
        store.write_failure(node_id, title, error, traceback.format_exc())
        reporter(store.events(node_id))({"event": "failed", "message": str(error)})
        return False
    store.clear_failure(node_id)
    return True


def _swallow(action: Callable[[], None]) -> None:
    try:
        action()
    except Exception:
        traceback.print_exc()


def die_with_parent(parent: int) -> None:
    """End this process soon after its parent is gone, so that a killed runner leaves no worker behind."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os._exit(3)

    threading.Thread(target=watch, daemon=True).start()
