"""A process that imports everything once and forks a fresh worker for each unit.

Importing PyTorch and transformers takes seconds; a fork takes milliseconds. The nursery itself computes
nothing, starts no threads and touches no GPU, so a worker forked from it is as fresh as a new process.
Orders come on standard input and reports go to standard output, one JSON object a line.
"""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.1


def main() -> None:
    """Import, then serve orders until standard input ends."""
    # Reports have a channel of their own: what a module prints on import must not be taken for one.
    reports = os.dup(1)
    os.dup2(2, 1)
    import layerlab.nodes.kinds.fitted  # noqa: F401 - imported for the workers to come

    workers: dict[int, int] = {}
    rest = b""
    while True:
        ready, _, _ = select.select([0], [], [], POLL_SECONDS)
        if ready:
            chunk = os.read(0, 65536)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                order = json.loads(line)
                workers[_fork(order)] = order["slot"]
        _reap(workers, reports)


def _fork(order: dict[str, Any]) -> int:
    """Fork a worker that carries out the order's nodes; return its pid."""
    nursery = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.update(order["environment"])
        code = _work(order, nursery)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _work(order: dict[str, Any], nursery: int) -> int:
    from layerlab.nodes.process import die_with_parent
    from layerlab.nodes.settings import WorkSettings
    from layerlab.nodes.worker import run_nodes

    die_with_parent(nursery)
    return 0 if run_nodes(Path(order["store"]), order["nodes"], WorkSettings(**order["settings"])) else 1


def _reap(workers: dict[int, int], reports: int) -> None:
    """Report the workers that have ended."""
    for pid, slot in list(workers.items()):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            del workers[pid]
            report = {"slot": slot, "code": os.waitstatus_to_exitcode(status)}
            os.write(reports, json.dumps(report).encode() + b"\n")


if __name__ == "__main__":
    main()
