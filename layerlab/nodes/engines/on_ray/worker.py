"""What runs on the hosts of a Ray cluster: a process that carries out units one after the other."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from layerlab.nodes.engines.output import flush, write_to
from layerlab.processes import neighbourhood

#: How long a file that the runner has written may take to be seen on another host, in seconds.
_PATIENCE: Final = 30.0


@dataclass(frozen=True)
class Place:
    """Where a worker is.

    Attributes:
        host: Name of the host.
        node: Ray's id of the node.
        pid: Process id.
        neighbourhood: The processes that see that id, see :func:`layerlab.processes.neighbourhood`.
    """

    host: str
    node: str
    pid: int
    neighbourhood: str


class Worker:
    """Carries out units, with what it has in memory from the ones before; Ray makes an actor of it."""

    def __init__(self, path: Sequence[str], environment: Mapping[str, str]) -> None:
        """Look for modules where the runner does, too: after all else, and where there is such a folder."""
        from layerlab.nodes.kept import Memory

        os.environ.update(environment)
        sys.path.extend(folder for folder in path if folder not in sys.path and os.path.isdir(folder))
        self.memory = Memory()

    def find_place(self) -> Place:
        """Say where it is."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        return Place(os.uname().nodename, node, os.getpid(), neighbourhood())

    def carry_out(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out the nodes of a unit; idempotent. Failures are in the store.

        Returns:
            Its resident ``bytes`` afterwards; or why the work is ``refused``: this host does not see the
            results directory, and the study has no mirror.
        """
        if order["settings"].get("mirror"):
            Path(order["log"]).parent.mkdir(parents=True, exist_ok=True)
        elif not _appears(Path(order["proof"])):
            said = f"host {os.uname().nodename} does not see the results directory {order['store']}"
            share = "all hosts of the cluster must share it, or share the study by `--mirror URL`"
            return {"refused": f"{said}; {share}"}
        write_to(order["log"])
        # Ray's processes ignore Ctrl-C; the driver sends it to one that is to leave a checkpoint and end.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        from layerlab.nodes.process import resident_bytes
        from layerlab.nodes.settings import WorkSettings
        from layerlab.nodes.worker import run_nodes

        settings = WorkSettings(**order["settings"])
        try:
            run_nodes(Path(order["store"]), order["nodes"], settings, memory=self.memory)
        finally:
            flush()
        return {"bytes": resident_bytes()}


def interrupt(pid: int) -> None:
    """Interrupt a worker on the host where this is called, as by Ctrl-C."""
    os.kill(pid, signal.SIGINT)


def _appears(path: Path) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while not path.is_file():
        if time.monotonic() > deadline:
            return False
        time.sleep(1.0)
    return True
