"""What jobs of a SLURM cluster ask for."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ByteSize, ConfigDict, Field, field_validator, model_validator

# minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes, days-hours:minutes:seconds
_TIME: Final = re.compile(r"(?:(?P<days>\d+)-)?(?P<first>\d+)(?::(?P<second>\d+))?(?::(?P<third>\d+))?")


class SlurmOptions(BaseModel):
    """What jobs ask for, how many there are, and what becomes of them at their time limit.

    Attributes:
        partition: Where the jobs go; the cluster's default without it.
        account: Who is charged.
        qos: Quality of service.
        constraint: Features that a host must have, such as ``a100|h100``.
        time: Limit of a job, as SLURM writes it: minutes, or ``4:00:00``, or ``1-12:00:00``.
        lead: Seconds before that limit at which fits leave checkpoints and the job goes back to the queue.
        memory: Bytes of a job, such as ``16GB``; the cluster's default without it.
        cores: CPU cores of a job.
        gpus: GPUs of a job.
        workers: Units at a time in a job. By default one a GPU, or without GPUs one a core.
        jobs: Jobs that are submitted at most, as one array; never more than there is work for.
        at_once: Jobs of the array that may run at a time; all of them without it.
        requeues: How often a job goes back to the queue at its time limit.
        idle: Minutes that a job waits for others where it finds nothing to do.
        setup: Lines of shell before the job's work, such as ``module load cuda``.
        sbatch: Further options of sbatch by name, such as ``exclude: node7`` or ``gres: gpu:a100:1``.
        python: Command of Python in a job, where it is not the one that submits.
        cluster: ``slurm``; or ``local`` to try a file with processes of this machine in the place of jobs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    time: int | str = "1:00:00"
    lead: Annotated[int, Field(ge=1)] = 120
    memory: ByteSize | None = None
    cores: Annotated[int, Field(ge=1)] = 1
    gpus: Annotated[int, Field(ge=0)] = 0
    workers: Annotated[int, Field(ge=1)] | None = None
    jobs: Annotated[int, Field(ge=1)] = 16
    at_once: Annotated[int, Field(ge=1)] | None = None
    requeues: Annotated[int, Field(ge=0)] = 100
    idle: Annotated[float, Field(ge=0)] = 5.0
    setup: tuple[str, ...] = ()
    sbatch: Mapping[str, str | int | bool] = Field(default_factory=dict)
    python: str | None = None
    cluster: Literal["slurm", "local"] = "slurm"

    @field_validator("time")
    @classmethod
    def _check_time(cls, time: int | str) -> int | str:
        read_seconds(time)
        return time

    @model_validator(mode="after")
    def _check_lead(self) -> Self:
        if self.lead >= self.seconds:
            raise ValueError(f"lead: expected less than the time of {self.seconds} s, got {self.lead}")
        return self

    @property
    def seconds(self) -> int:
        """Time limit of a job."""
        return read_seconds(self.time)

    @property
    def minutes(self) -> int:
        """Time limit of a job in whole minutes, which SLURM counts."""
        return math.ceil(self.seconds / 60)

    def workers_for(self, processes: int) -> int:
        """Return how many workers a job has, where so many processes share a fit."""
        return self.workers or max(1, (self.gpus or self.cores) // processes)


def read_seconds(time: int | str) -> int:
    """Return a time limit in seconds, from one of SLURM's forms.

    >>> read_seconds(90), read_seconds("4:00:00"), read_seconds("0:20"), read_seconds("1-12")
    (5400, 14400, 20, 129600)

    Raises:
        ValueError: It has none of these forms.
    """
    found = _TIME.fullmatch(str(time))
    if found is None:
        raise ValueError(f"expected minutes, or a time such as 4:00:00 or 1-12:00:00; got {time!r}")
    numbers = [int(found[name] or 0) for name in ("first", "second", "third")]
    if found["days"] is not None:
        hours, minutes, seconds = numbers
        hours += 24 * int(found["days"])
    elif found["third"] is not None:
        hours, minutes, seconds = numbers
    else:
        hours, minutes, seconds = 0, *numbers[:2]
    if not (total := 3600 * hours + 60 * minutes + seconds):
        raise ValueError(f"expected a time above 0; got {time!r}")
    return total
