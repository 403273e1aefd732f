"""A process that imports everything once and forks a worker for each slot.

Importing PyTorch and transformers takes seconds; a fork takes milliseconds. The nursery itself computes
nothing, starts no threads and touches no GPU, so a worker forked from it is as fresh as a new process. A
worker stays for the units that its slot gets next, with what it has in memory: encoded corpora, tokenizers.
It ends after a number of units or above a bound of memory, and is forked anew; so is one that died, and
only the unit that it was at is lost.

Orders come on standard input and reports go to standard output, one JSON object a line. Between the nursery
and a worker, orders go over one pipe, and after each unit its exit status comes back over another, one
character.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from layerlab.nodes.engines.line import STOP
from layerlab.nodes.engines.output import flush, write_to

POLL_SECONDS = 0.1
#: Units after which a worker is replaced.
MOST_UNITS: Final = 200
#: Resident bytes above which a worker is replaced after its unit.
MOST_BYTES: Final = 4 << 30


@dataclass
class _Worker:
    """A forked worker of a slot.

    Attributes:
        slot: Its slot.
        pid: Its process.
        orders: Descriptor to which its orders are written.
        replies: Descriptor from which it says how a unit ended.
        busy: Whether it is at work on a unit.
    """

    slot: int
    pid: int
    orders: int
    replies: int
    busy: bool = True

    def close(self) -> None:
        os.close(self.orders)
        os.close(self.replies)


class _Interrupted:
    """Notes Ctrl-C, which the workers get too, and outlives it."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


def main() -> None:
    """Import, then serve orders until standard input ends."""
    # Reports have a channel of their own: what a module prints on import must not be taken for one.
    reports = os.dup(1)
    os.dup2(2, 1)
    interrupted = _Interrupted()
    signal.signal(signal.SIGINT, interrupted)
    import layerlab.nodes.kinds.evaluation.fitted  # noqa: F401 - imported for the workers to come

    workers: dict[int, _Worker] = {}
    rest, stopping, grace = b"", False, 0.0
    while True:
        replies = [worker.replies for worker in workers.values() if worker.busy]
        ready, _, _ = select.select([0, *replies], [], [], POLL_SECONDS)
        if 0 in ready:
            chunk = os.read(0, 65536)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            for order in map(json.loads, lines):
                if order == STOP:
                    stopping = True
                else:
                    grace = order["settings"]["grace_seconds"]
                    _give(order, workers, reports)
        for report in _listen(workers):
            os.write(reports, json.dumps(report).encode() + b"\n")
    _end([worker.pid for worker in workers.values() if worker.busy], stopping, interrupted.asked, grace)
    _dismiss(workers.values())
    flush()
    os._exit(0)  # taking down what was imported would take seconds


def _end(busy: list[int], stopping: bool, interrupted: bool, grace: float) -> None:
    """End the workers that are at a unit: at once, or if the runner ends in order after a checkpoint."""
    if stopping:
        if not interrupted:
            for pid in busy:
                os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + grace
        while busy and time.monotonic() < deadline:
            busy = [pid for pid in busy if os.waitpid(pid, os.WNOHANG) == (0, 0)]
            time.sleep(0.02)
    for pid in busy:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _dismiss(workers: Collection[_Worker]) -> None:
    """Let workers that have nothing to do end, and wait for them, so that their cost is this process's."""
    for worker in workers:
        worker.close()
    for worker in workers:
        if not worker.busy:
            os.waitpid(worker.pid, 0)


def _give(order: dict[str, Any], workers: dict[int, _Worker], reports: int) -> None:
    """Hand an order to the slot's worker, or to a new one where there is none or it is gone."""
    worker = workers.get(order["slot"])
    if worker is not None:
        try:
            os.write(worker.orders, json.dumps(order).encode() + b"\n")
        except BrokenPipeError:
            os.waitpid(worker.pid, 0)
            workers.pop(worker.slot).close()
        else:
            worker.busy = True
            return
    workers[order["slot"]] = _fork(order, workers, reports)


def _listen(workers: dict[int, _Worker]) -> Iterator[dict[str, int]]:
    """Yield how units have ended: their workers said so, or have ended themselves."""
    for slot, worker in list(workers.items()):
        # Whether it ended is asked before what it said, so that its last word is not missed.
        ended, status = os.waitpid(worker.pid, os.WNOHANG)
        if worker.busy and select.select([worker.replies], [], [], 0)[0]:
            said = os.read(worker.replies, 1)
            if said:
                worker.busy = False
                yield {"slot": slot, "code": int(said)}
        if ended:
            workers.pop(slot).close()
            if worker.busy:
                yield {"slot": slot, "code": os.waitstatus_to_exitcode(status)}


def _fork(order: dict[str, Any], others: dict[int, _Worker], reports: int) -> _Worker:
    """Fork a worker that carries out an order and those that follow."""
    nursery = os.getpid()
    orders, give = os.pipe()
    hear, replies = os.pipe()
    pid = os.fork()
    if pid:
        os.close(orders)
        os.close(replies)
        return _Worker(order["slot"], pid, give, hear)
    code = 70
    try:
        for worker in others.values():
            worker.close()
        for descriptor in (give, hear, reports):
            os.close(descriptor)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        code = _serve(order, orders, replies, nursery)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        flush()
        os._exit(code)


def _serve(first: dict[str, Any], orders: int, replies: int, nursery: int) -> int:
    """Carry out units until there are no more orders, or the worker is to be replaced.

    Returns:
        The exit status of the last unit.
    """
    write_to(first["log"])
    os.environ.update(first["environment"])
    from layerlab.nodes import process
    from layerlab.nodes.kept import Memory
    from layerlab.nodes.settings import WorkSettings
    from layerlab.nodes.worker import run_nodes

    process.die_with_parent(nursery, at_once=True)
    memory, code = Memory(), 0
    for n_units, order in enumerate(_read(first, orders), 1):
        write_to(order["log"])
        settings = WorkSettings(**order["settings"])
        code = 0 if run_nodes(Path(order["store"]), order["nodes"], settings, memory=memory) else 1
        flush()
        if n_units == MOST_UNITS or process.resident_bytes() > MOST_BYTES:
            break  # the nursery hears it from the exit status
        os.write(replies, b"%d" % code)
    return code


def _read(first: dict[str, Any], orders: int) -> Iterator[dict[str, Any]]:
    yield first
    with os.fdopen(orders, "rb") as lines:
        for line in lines:
            yield json.loads(line)


if __name__ == "__main__":
    main()
