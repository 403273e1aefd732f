"""What a job does: a process that takes units, which leaves checkpoints before the job's time is over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from types import FrameType
from typing import Any

from submitit.core.job_environment import JobEnvironment
from submitit.helpers import DelayedSubmission

#: Exit statuses of ``layerlab work``: all well, some nodes failed, interrupted.
_KNOWN = (0, 1, 130)


@dataclass(frozen=True)
class JobWork:
    """Runs ``layerlab work`` to its end, and passes on the signals that SLURM gives a job.

    Before the time limit, fits leave checkpoints, and the job goes back to the queue; so does one that is
    preempted. Of a job that is cancelled, fits leave checkpoints too.

    Attributes:
        arguments: Of ``layerlab work``.
        name: Name of the kind of job; its id follows.
    """

    arguments: tuple[str, ...]
    name: str

    def __call__(self) -> int:
        """Work until there is nothing left or the time is over.

        Returns:
            The exit status of ``layerlab work``.

        Raises:
            RuntimeError: It ended as it should not.
        """
        environment = JobEnvironment()
        command = [sys.executable, "-P", "-m", "layerlab", "work", *self.arguments]
        command += ["--parent", str(os.getpid()), "--name", f"{self.name} {environment.job_id}"]
        heard: list[int] = []

        def take(number: int, frame: FrameType | None) -> None:
            if not heard:
                child.send_signal(signal.SIGINT)
            heard.append(number)

        warning = environment._usr_sig()
        signals = {warning, signal.SIGTERM}
        # SLURM may signal every process of a job: all but this one pass it by, and hear from this one.
        usual: dict[int, Any] = {one: signal.signal(one, signal.SIG_IGN) for one in signals}
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        for one in signals:
            signal.signal(one, take)
        status = child.wait()
        for one, handler in usual.items():
            signal.signal(one, handler)
        if heard and heard[0] == warning:
            signal.raise_signal(warning)  # submitit counts it, and puts the job back into the queue
        if status not in _KNOWN and not heard:
            raise RuntimeError(f"`layerlab work` ended with {status}")
        return status

    def checkpoint(self) -> DelayedSubmission:
        """Return what the job does when it is begun again: the same, since checkpoints are in the store."""
        return DelayedSubmission(self)
