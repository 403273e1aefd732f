"""Jobs that were submitted for a results directory: notes of them, where they stand, and their end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import which
from typing import Final, Literal

from layerlab.errors import StoreError
from layerlab.files import write_text
from layerlab.nodes.store.clock import seconds_since
from layerlab.nodes.store.store import Store
from layerlab.processes import born, neighbourhood

FOLDER: Final = "slurm"
_NOTE: Final = "-note.json"
#: How long a command of SLURM may take, in seconds.
_PATIENCE: Final = 60.0
#: How long it may take until a new job is in the queue, in seconds.
_NEW_SECONDS: Final = 60.0
UNKNOWN: Final = "unknown"


@dataclass(frozen=True)
class Submission:
    """Jobs that were submitted together.

    Attributes:
        id: Id of the array or of its one job; of processes in the place of jobs, the process.
        name: Name of the jobs in the queue.
        n_jobs: How many there are.
        cluster: ``slurm`` or ``local``.
        where: The processes that see each other, if it is a process.
        born: Start of the process.
    """

    id: str
    name: str
    n_jobs: int
    cluster: Literal["slurm", "local"]
    where: str = ""
    born: str = ""


@dataclass(frozen=True)
class Job:
    """A job that waits, runs or is unknown here.

    Attributes:
        id: Its id, such as ``77_3``.
        state: SLURM's word, such as ``RUNNING`` or ``PENDING``; ``unknown`` where SLURM cannot be asked.
        reason: Why it waits, or where it runs.
        submission: What it was submitted with.
    """

    id: str
    state: str
    reason: str
    submission: Submission

    @property
    def runs(self) -> bool:
        """Whether it has begun, or may have."""
        return self.state not in ("PENDING", "REQUEUED", "REQUEUE_HOLD")


def folder_of(store: Store) -> Path:
    """Return the folder of the jobs' scripts, output and notes."""
    return store.root / FOLDER


def note_submission(store: Store, submission: Submission) -> None:
    """Note jobs, so that any process finds them."""
    write_text(folder_of(store) / f"{submission.id}{_NOTE}", json.dumps(asdict(submission)))


def note_process(store: Store, pid: int, name: str) -> None:
    """Note a process in the place of a job."""
    note_submission(store, Submission(str(pid), name, 1, "local", neighbourhood(), born(pid)))


def find_jobs(store: Store) -> list[Job]:
    """Return the jobs of a results directory that wait or run; those that have ended are forgotten.

    Where SLURM cannot be asked, all that are noted are returned, in the state ``unknown``.
    """
    noted = _read_notes(store)
    jobs = [job for one in noted if one.cluster == "local" for job in _process_of(one)]
    in_queue = [one for one in noted if one.cluster == "slurm"]
    if in_queue:
        found = _ask(in_queue)
        jobs += [Job(one.id, UNKNOWN, "", one) for one in in_queue] if found is None else found
        if found is not None:
            _forget(store, {one.id for one in in_queue} - {job.submission.id for job in found})
    _forget(store, {one.id for one in noted if one.cluster == "local"} - {job.id for job in jobs})
    return jobs


def end_jobs(jobs: Iterable[Job]) -> None:
    """Ask jobs to end: those that run leave checkpoints, those that wait never begin.

    Raises:
        StoreError: SLURM refuses.
    """
    jobs = list(jobs)
    for job in jobs:
        if job.submission.cluster == "local":
            with suppress(ProcessLookupError):
                os.kill(int(job.id), signal.SIGTERM)
    in_queue = [job.id for job in jobs if job.submission.cluster == "slurm" and job.state != UNKNOWN]
    if in_queue and _call("scancel", in_queue) is None:
        raise StoreError(f"scancel ended none of the jobs {', '.join(in_queue)}; is SLURM at work?")


def describe_jobs(jobs: Iterable[Job]) -> str:
    """Count jobs by state in words.

    >>> one = Submission("77", "layerlab", 2, "slurm")
    >>> describe_jobs([Job("77_0", "RUNNING", "node1", one), Job("77_1", "PENDING", "Priority", one)])
    '1 running, 1 pending (77_0, 77_1)'
    """
    jobs = list(jobs)
    counts = Counter(job.state.lower() for job in jobs)
    shown = [job.id for job in jobs[:4]] + (["..."] if len(jobs) > 4 else [])
    return f"{', '.join(f'{n} {state}' for state, n in counts.items())} ({', '.join(shown)})"


def _read_notes(store: Store) -> list[Submission]:
    found = []
    for path in sorted(folder_of(store).glob(f"*{_NOTE}")):
        with suppress(OSError, ValueError, TypeError):
            found.append(Submission(**json.loads(path.read_text(encoding="utf-8"))))
    return found


def _forget(store: Store, ids: Iterable[str]) -> None:
    for one in ids:
        note = folder_of(store) / f"{one}{_NOTE}"
        with suppress(OSError):
            if seconds_since(note) > _NEW_SECONDS:
                note.unlink(missing_ok=True)


def _process_of(one: Submission) -> list[Job]:
    if one.where != neighbourhood():
        return [Job(one.id, UNKNOWN, "", one)]
    return [Job(one.id, "RUNNING", "", one)] if born(int(one.id)) == one.born else []


def _ask(noted: Sequence[Submission]) -> list[Job] | None:
    """Return the jobs of submissions that are in the queue; None where SLURM cannot be asked."""
    names = ",".join(sorted({one.name for one in noted}))
    said = _call("squeue", ["--noheader", "--array", "--name", names, "--format", "%i|%T|%R"])
    if said is None:
        return None
    known = {one.id: one for one in noted}
    found = []
    for line in said.splitlines():
        job_id, state, reason = (*line.strip().split("|", 2), "", "")[:3]
        submission = known.get(job_id.partition("_")[0])
        if submission is not None:
            found.append(Job(job_id, state, reason.strip("()"), submission))
    return found


def _call(command: str, arguments: Sequence[str]) -> str | None:
    """Return what a command of SLURM prints; None if there is none, or it fails."""
    if which(command) is None:
        return None
    try:
        done = subprocess.run(
            [command, *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
