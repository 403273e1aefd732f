"""A process that an engine works through: orders go to it, reports come back, one JSON object a line."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from layerlab.processes import search_path

#: The order that a runner gives which ends in order; one that was killed gives none.
STOP: Final = {"stop": True}


class Line:
    """A process, and the line to it.

    Attributes:
        process: The process; it ends when the line is closed.
        reports: What it reported; None at the end says that the process is gone.
    """

    def __init__(
        self, module: str, log: Path, environment: Mapping[str, str], *, apart: bool = False
    ) -> None:
        """Start a module of layerlab as a process.

        Args:
            module: Its name.
            log: What the process prints goes there.
            environment: Its environment variables.
            apart: Whether Ctrl-C in the terminal passes it by; it also works in the root directory then.
        """
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env=environment,
                start_new_session=apart,
                cwd="/" if apart else None,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._orders: IO[bytes] = self.process.stdin
        self.reports: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=_listen, args=(self.process.stdout, self.reports), daemon=True).start()

    def order(self, order: Mapping[str, Any]) -> None:
        """Give an order; that the process is gone is seen by the end of its reports."""
        with suppress(BrokenPipeError):
            self._orders.write(json.dumps(order).encode() + b"\n")
            self._orders.flush()

    def stop(self) -> None:
        """Ask the process to end in order; :meth:`hang_up` follows."""
        if not self._orders.closed:
            self.order(STOP)

    def hang_up(self, patience: float | None = None) -> int:
        """Close the line and return the exit status; the process is killed if it takes longer than that."""
        with suppress(BrokenPipeError):
            self._orders.close()
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def quiet_environment(threads: int | None) -> dict[str, str]:
    """Return the environment variables of this process and those that keep libraries quiet.

    Args:
        threads: Of a worker; None leaves PyTorch's choice.
    """
    environment = dict(os.environ, HF_HUB_DISABLE_PROGRESS_BARS="1", TRANSFORMERS_VERBOSITY="error")
    # With -P, Python does not put the current directory first.
    environment["PYTHONPATH"] = os.pathsep.join(search_path())
    if threads is not None:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment.update(dict.fromkeys(names, str(threads)))
    return environment


def _listen(stream: IO[bytes], reports: queue.Queue[dict[str, Any] | None]) -> None:
    try:
        for line in stream:
            reports.put(json.loads(line))
    finally:
        reports.put(None)
