"""Submitting jobs through submitit."""

from __future__ import annotations

import os
import re
import shlex
from typing import Any

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError

from layerlab.errors import Problem, StudyError
from layerlab.nodes.engines.on_slurm.jobs import Submission, folder_of, note_process, note_submission
from layerlab.nodes.engines.on_slurm.options import SlurmOptions
from layerlab.nodes.engines.on_slurm.work import JobWork
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.processes import search_path


def submit(options: SlurmOptions, store: Store, settings: WorkSettings, n_jobs: int) -> None:
    """Submit jobs that take what is to be done in a results directory, and note them there.

    Args:
        options: What a job asks for.
        store: The results directory.
        settings: Device, time between checkpoints, shortcuts.
        n_jobs: How many.

    Raises:
        StudyError: SLURM refuses them.
    """
    folder_of(store).mkdir(parents=True, exist_ok=True)
    name = f"layerlab-{re.sub(r'[^A-Za-z0-9_.-]', '_', store.root.resolve().name)}"
    work = JobWork(_arguments(options, store, settings), f"{options.cluster} job")
    executor = _local(options, store) if options.cluster == "local" else _slurm(options, store, name, n_jobs)
    try:
        jobs = executor.submit_array([work] * n_jobs)
    except (FailedJobError, FailedSubmissionError) as error:
        said = " ".join(str(error).split())
        raise StudyError([Problem("slurm", f"sbatch refuses the jobs: {said}")], "--engine") from error
    if options.cluster == "local":
        for job in jobs:
            note_process(store, int(job.job_id), name)
    else:
        note_submission(store, Submission(jobs[0].job_id.partition("_")[0], name, n_jobs, "slurm"))


def _arguments(options: SlurmOptions, store: Store, settings: WorkSettings) -> tuple[str, ...]:
    return (
        str(store.root.resolve()),
        *("--workers", str(options.workers_for(settings.processes))),
        *("--processes", str(settings.processes)),
        *("--grace", str(max(settings.grace_seconds, 0.75 * options.lead))),
        *settings.to_words(),
        *("--idle", str(60 * options.idle)),
    )


def _setup(options: SlurmOptions) -> list[str]:
    """Return the lines of shell before a job's work; what this process can import, a job can too."""
    return [*options.setup, f"export PYTHONPATH={shlex.quote(os.pathsep.join(search_path()))}"]


def _slurm(options: SlurmOptions, store: Store, name: str, n_jobs: int) -> Any:
    executor = submitit.SlurmExecutor(folder_of(store), options.requeues, python=options.python)
    asked = {
        "partition": options.partition,
        "account": options.account,
        "qos": options.qos,
        "constraint": options.constraint,
        "mem": None if options.memory is None else f"{options.memory // 2**20}M",
        "gpus_per_node": options.gpus or None,
    }
    executor.update_parameters(
        job_name=name,
        time=options.minutes,
        signal_delay_s=options.lead,
        cpus_per_task=options.cores,
        array_parallelism=options.at_once or n_jobs,
        setup=_setup(options),
        stderr_to_stdout=True,
        additional_parameters={
            "requeue": True,
            **{key: one for key, one in options.sbatch.items() if one is not False},
        },
        srun_args=[f"--cpus-per-task={options.cores}"],
        **{key: value for key, value in asked.items() if value is not None},
    )
    return executor


def _local(options: SlurmOptions, store: Store) -> Any:
    executor = submitit.LocalExecutor(folder_of(store), options.requeues, python=options.python)
    executor.update_parameters(
        timeout_min=options.seconds / 60,
        signal_delay_s=options.lead,
        gpus_per_node=options.gpus,
        setup=_setup(options),
        stderr_to_stdout=True,
    )
    return executor
