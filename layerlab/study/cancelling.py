"""End what runs for a results directory, from any process that sees it; what is complete stays."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from layerlab.errors import StoreError
from layerlab.nodes.engines.on_slurm.jobs import UNKNOWN, Job, describe_jobs, end_jobs, find_jobs
from layerlab.nodes.jobs import read_node
from layerlab.nodes.store.lease import is_held, read_holder
from layerlab.nodes.store.runners import drop_requests, find_runners
from layerlab.nodes.store.store import Store

#: How long runners may take to leave checkpoints and end, in seconds.
PATIENCE: Final = 40.0
_POLL_SECONDS: Final = 0.2


@dataclass(frozen=True)
class Ending:
    """What became of the work on a results directory that was cancelled.

    Attributes:
        stopped: Runners and jobs that have ended, a line each.
        left: What goes on: runners and jobs that did not end, and processes that belong to none.
        resumable: Nodes that were in work and are not complete, and where the next run takes them up.
    """

    stopped: tuple[str, ...]
    left: tuple[str, ...]
    resumable: tuple[str, ...]


def cancel(store: Store, patience: float = PATIENCE) -> Ending:
    """Ask every runner and every job of a results directory to stop, and wait until they have.

    They leave checkpoints and give their leases back, as after Ctrl-C. Nothing that is complete is touched.
    Jobs that wait are ended first, so that none begins meanwhile, and those that run at the end.

    Args:
        store: The results directory.
        patience: How long to wait for them at most, in seconds.
    """
    deadline = time.monotonic() + patience
    jobs = find_jobs(store)
    end_jobs(job for job in jobs if not job.runs)
    runners, in_work = find_runners(store), nodes_in_work(store)
    for runner in runners:
        runner.ask_to_stop()
    while any(runner.is_at_work for runner in runners) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    drop_requests(store)
    jobs_left = _end_jobs(store, deadline)
    still = [runner for runner in runners if runner.is_at_work]
    held = {} if still else {one: title for one, title in nodes_in_work(store).items() if one in in_work}
    ended = [job for job in jobs if job.id not in {one.id for one in jobs_left}]
    return Ending(
        (
            *(str(runner) for runner in runners if runner not in still),
            *([f"jobs: {describe_jobs(ended)}"] if ended else []),
        ),
        (
            *([f"jobs: {describe_jobs(jobs_left)}"] if jobs_left else []),
            *(f"{runner} does not answer" for runner in still),
            *(f"{title}: {_holder_of(store, one)} is at it, without a runner" for one, title in held.items()),
        ),
        tuple(
            f"{title}: {_place_of(store, one)}"
            for one, title in in_work.items()
            if one not in held and not store.is_complete(one)
        ),
    )


def _end_jobs(store: Store, deadline: float) -> list[Job]:
    """End the jobs that are left, and return those that do not end, or cannot be ended from here."""
    left = find_jobs(store)
    end_jobs(left)
    while any(job.state != UNKNOWN for job in left) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        left = find_jobs(store)
    return left


def nodes_in_work(store: Store) -> dict[str, str]:
    """Return the nodes that are not complete and that a living process holds, with their titles."""
    found = {}
    for node_id in sorted(store.claimed()):
        if is_held(store.lease(node_id)):
            with suppress(StoreError, ValidationError):  # no node; or one that cannot be read has no title
                if not store.is_complete(node_id):
                    found[node_id] = node_id
                    found[node_id] = read_node(store, node_id).title
    return found


def _holder_of(store: Store, node_id: str) -> str:
    holder = read_holder(store.lease(node_id))
    return "a process" if holder is None else holder.place


def _place_of(store: Store, node_id: str) -> str:
    """Say where the next run takes up a node that is not complete."""
    saved = any(path.is_file() for path in store.work(node_id).glob("*") if not path.name.startswith("."))
    return "goes on at its checkpoint" if saved else "begins anew, as it had no checkpoint"
