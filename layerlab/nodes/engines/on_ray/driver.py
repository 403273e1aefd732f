"""The client of a Ray cluster: a process of the runner's that has workers carry out its orders.

Orders come on standard input and reports go to standard output, one JSON object a line: first how many
workers there is ``room`` for, or why the cluster is ``refused``; then each ``slot`` whose unit has ended, and
from time to time the room as hosts come and go. When the orders end, so do the workers.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from layerlab.errors import first_line
from layerlab.nodes.engines.line import STOP
from layerlab.nodes.engines.on_ray.address import address_of
from layerlab.nodes.engines.on_ray.crew import Crew
from layerlab.nodes.engines.on_ray.options import RayOptions
from layerlab.nodes.engines.on_ray.room import describe_hosts, gpus_of, largest_memory, room_for
from layerlab.processes import usable_cores

POLL_SECONDS: Final = 0.1
#: How often the hosts of the cluster are counted, in seconds.
COUNT_SECONDS: Final = 5.0
#: How long the end of Ray itself may take, in seconds.
LAST_SECONDS: Final = 10.0
# Shared memory of a cluster on this machine, in bytes, the least that Ray takes: results do not go that way.
_SHARED_MEMORY: Final = 80_000_000


def main() -> None:
    """Find the cluster, then serve orders until standard input ends."""
    # Reports have a channel of their own: what a library prints must not be taken for one.
    reports = os.dup(1)
    os.dup2(2, 1)

    def report(said: Mapping[str, Any]) -> None:
        os.write(reports, json.dumps(said).encode() + b"\n")

    orders = _Orders()
    first = orders.wait()
    if first is None:
        return
    options = RayOptions.model_validate(first["options"])
    options = options.model_copy(update={"cores": options.cores * first["processes"]})
    try:
        ray = _connect(options, first["workers"])
        nodes = ray.nodes()
    except Exception as error:  # whatever Ray says of an address, a version, a port
        report({"refused": _describe(options, error)})
        return
    gpus = gpus_of(options, nodes, first["device"], first["processes"])
    room = room_for(options, gpus, nodes)
    if not room and first["workers"] is None:
        report({"refused": _too_small(options, gpus, nodes)})
        return
    report({"room": room, "gpus": gpus})
    crew = Crew(ray, options, gpus, first["path"])

    def count() -> int:
        nodes = ray.nodes()
        crew.most_memory = largest_memory(nodes)
        return room_for(options, gpus, nodes)

    _serve(crew, orders, report, count, first["grace"])
    # Where the head is gone, saying goodbye to it may take for ever.
    timer = threading.Timer(LAST_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
    ray.shutdown()
    os._exit(0)


def _serve(
    crew: Crew,
    orders: _Orders,
    report: Callable[[Mapping[str, Any]], None],
    count: Callable[[], int],
    grace: float,
) -> None:
    """Hand out orders and report what has ended, until the orders end."""
    counted = float("-inf")
    while not orders.ended:
        for order in orders.take(POLL_SECONDS):
            if order == STOP:
                crew.dismiss(grace)
                return
            crew.give(order)
        for said in crew.listen():
            report(said)
        crew.rest()
        if time.monotonic() - counted > COUNT_SECONDS:
            report({"room": count()})
            counted = time.monotonic()


def _connect(options: RayOptions, workers: int | None) -> Any:
    """Connect to the cluster, or start one on this machine; return the module of Ray."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = importlib.import_module("ray")
    address = address_of(options.address)
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if address:
        ray.init(address=address, **quiet)
        return ray
    cores = max(usable_cores(), (workers or 0) * options.cores)
    ray.init(
        address="local",
        num_cpus=cores,
        include_dashboard=False,
        object_store_memory=_SHARED_MEMORY,
        **quiet,
    )
    return ray


def _describe(options: RayOptions, error: Exception) -> str:
    address = address_of(options.address)
    said = first_line(str(error), type(error).__name__)
    if address:
        return f"no Ray cluster answers at {address}: {said}"
    return f"no Ray cluster could be started on this machine: {said}"


def _too_small(options: RayOptions, gpus: float, nodes: Iterable[Mapping[str, Any]]) -> str:
    """Say that no host has room for a worker, and what there is."""
    memory = "" if options.memory is None else f", {options.memory / 1e9:.1f} GB memory"
    further = "".join(f", {amount:g} {name}" for name, amount in options.resources.items())
    return (
        f"no host of the Ray cluster has room for a worker of {options.cores} cores, {gpus:g} GPUs{memory}"
        f"{further}; there are {describe_hosts(nodes)}. --workers N waits for hosts that are still to come"
    )


class _Orders:
    """Lines of standard input as they come.

    Attributes:
        ended: Whether the runner has closed the line, or is gone.
    """

    def __init__(self) -> None:
        self.ended = False
        self._rest = b""
        self._read: list[dict[str, Any]] = []

    def wait(self) -> dict[str, Any] | None:
        """Return the next order; None if there are no more."""
        while not self._read and not self.ended:
            self._read += self._lines(None)
        return self._read.pop(0) if self._read else None

    def take(self, patience: float) -> list[dict[str, Any]]:
        """Return the orders that have come, after waiting a moment for one."""
        read, self._read = [*self._read, *self._lines(patience)], []
        return read

    def _lines(self, patience: float | None) -> list[dict[str, Any]]:
        if self.ended or not select.select([0], [], [], patience)[0]:
            return []
        chunk = os.read(0, 65536)
        self.ended = not chunk
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [json.loads(line) for line in lines]


if __name__ == "__main__":
    main()
