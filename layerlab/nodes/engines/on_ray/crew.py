"""The workers of a driver: who gets which order, who is done, who is gone."""

from __future__ import annotations

import os
import signal
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from layerlab.errors import first_line
from layerlab.nodes.engines.nursery import MOST_BYTES, MOST_UNITS
from layerlab.nodes.engines.on_ray.options import RayOptions
from layerlab.nodes.engines.on_ray.worker import Place, Worker, interrupt
from layerlab.processes import neighbourhood

#: A worker that gets no order for so long leaves its cores to others, in seconds.
IDLE_SECONDS: Final = 10.0
#: Complete nodes of which it is remembered where they were computed.
_MOST_PLACES: Final = 20_000
# What Ray says of a worker whose host is gone, or that it ended because its host had no memory left.
_LOST: Final = "its node has died"


@dataclass
class Hand:
    """A worker.

    Attributes:
        actor: Ray's handle of it.
        memory: Bytes that it was given.
        asked: Ray's promise to say where it is.
        place: Where it is, once it said so.
        order: What it is at.
        promise: Ray's promise of the end of that.
        since: Since when it has nothing to do.
        n_units: What it has carried out.
    """

    actor: Any
    memory: int
    asked: Any
    place: Place | None = None
    order: Mapping[str, Any] = field(default_factory=dict)
    promise: Any = None
    since: float = 0.0
    n_units: int = 0

    @property
    def host(self) -> str:
        """Name of its host, as far as it is known."""
        return self.place.host if self.place else "a host"


class Crew:
    """Workers on the hosts of a cluster: at most one for each slot of the runner, kept from unit to unit.

    Attributes:
        most_memory: Bytes of the largest host; 0 where that is not known.
    """

    def __init__(self, ray: Any, options: RayOptions, gpus: float, path: Sequence[str]) -> None:
        """Begin without a worker.

        Args:
            ray: The module, connected.
            options: What a worker takes.
            gpus: GPUs of a worker.
            path: Where the runner finds modules.
        """
        self.ray, self.options, self.gpus, self.path = ray, options, gpus, list(path)
        self.most_memory = 0
        self.busy: list[Hand] = []
        self.idle: list[Hand] = []
        # Where nodes were computed: the worker, which may be gone, and its host.
        self._places: OrderedDict[str, Hand] = OrderedDict()

    def give(self, order: Mapping[str, Any]) -> None:
        """Hand an order to the worker that is nearest to what it needs, or to a new one."""
        near = [self._places[need] for need in order["needs"] if need in self._places]
        memory = order["memory"]
        if self.options.memory is None and self.most_memory:
            memory = min(memory, self.most_memory)  # an estimate should keep no unit waiting for ever
        hand = self._nearest(memory, near)
        if hand is None:
            # The slot has room for one worker: one that is too small for the order leaves it.
            if self.idle:
                self._let_go(self.idle.pop(0))
            hand = self._hire(memory, near)
        hand.order = order
        hand.promise = hand.actor.carry_out.remote(dict(order))
        self.busy.append(hand)

    def listen(self) -> Iterator[dict[str, Any]]:
        """Yield the units that have ended: ``slot`` and ``crash``, or why the work is ``refused``."""
        for hand in self.busy:
            if hand.place is None and self._is_ready(hand.asked):
                with suppress(self.ray.exceptions.RayError):  # one that is gone; its promise says so
                    hand.place = self.ray.get(hand.asked)
        for hand in [hand for hand in self.busy if self._is_ready(hand.promise)]:
            try:
                said = self.ray.get(hand.promise)
            except self.ray.exceptions.ActorUnavailableError:
                # It is away, or gone: asked again, it says that all is done, or Ray says what became of it.
                hand.promise = hand.actor.carry_out.remote(dict(hand.order))
                continue
            except self.ray.exceptions.RayError as error:
                self.busy.remove(hand)
                self._let_go(hand)
                yield {"slot": hand.order["slot"], "crash": self._describe(hand, error)}
                continue
            self.busy.remove(hand)
            if "refused" in said:
                yield said
                continue
            self._end_unit(hand, said["bytes"])
            yield {"slot": hand.order["slot"], "crash": ""}

    def rest(self) -> None:
        """Let workers go that have had nothing to do for a while."""
        now = time.monotonic()
        for hand in [hand for hand in self.idle if now - hand.since > IDLE_SECONDS]:
            self.idle.remove(hand)
            self._let_go(hand)

    def dismiss(self, patience: float) -> None:
        """End all workers; those at a unit may leave a checkpoint within some seconds."""
        deadline = time.monotonic() + patience
        with suppress(self.ray.exceptions.RayError, OSError):
            self._interrupt(deadline)
            promises = [hand.promise for hand in self.busy]
            left = max(0.0, deadline - time.monotonic())
            if promises:
                self.ray.wait(promises, num_returns=len(promises), timeout=left)
        for hand in (*self.busy, *self.idle):
            self._let_go(hand)

    def _interrupt(self, deadline: float) -> None:
        """Interrupt the workers that are at a unit, those on other hosts by a task that is sent there."""
        sent = []
        for hand in self.busy:
            if hand.place is None:
                continue  # it has not begun
            if hand.place.neighbourhood == neighbourhood():
                os.kill(hand.place.pid, signal.SIGINT)
                continue
            task = self.ray.remote(interrupt).options(
                num_cpus=0, max_retries=0, scheduling_strategy=self._on(hand.place.node)
            )
            sent.append(task.remote(hand.place.pid))
        if sent:
            self.ray.wait(sent, num_returns=len(sent), timeout=max(0.0, deadline - time.monotonic()))

    def _nearest(self, memory: int, near: Sequence[Hand]) -> Hand | None:
        """Take an idle worker that is large enough: one that has what is needed, else one on such a host."""
        enough = [hand for hand in self.idle if hand.memory >= memory]
        if not enough:
            return None
        nodes = {hand.place.node for hand in near if hand.place}
        chosen = min(
            enough,
            key=lambda hand: (
                hand not in near,
                hand.place is None or hand.place.node not in nodes,
                hand.memory,
            ),
        )
        self.idle.remove(chosen)
        return chosen

    def _hire(self, memory: int, near: Sequence[Hand]) -> Hand:
        """Make a worker, on a host that computed what is needed if it has room."""
        nodes = [hand.place.node for hand in near if hand.place]
        actor = (
            self.ray.remote(Worker)
            .options(
                num_cpus=self.options.cores,
                num_gpus=self.gpus,
                memory=memory,
                resources=dict(self.options.resources),
                max_restarts=0,
                max_task_retries=0,
                scheduling_strategy=self._on(nodes[0], soft=True) if nodes else "DEFAULT",
            )
            .remote(self.path, dict(self.options.environment))
        )
        return Hand(actor, memory, actor.find_place.remote())

    def _end_unit(self, hand: Hand, n_bytes: int) -> None:
        """Remember where a unit was carried out, and keep the worker unless it is to be replaced."""
        for node_id in hand.order["nodes"]:
            self._places[node_id] = hand
            self._places.move_to_end(node_id)
        while len(self._places) > _MOST_PLACES:
            self._places.popitem(last=False)
        hand.n_units += 1
        hand.promise, hand.since = None, time.monotonic()
        if hand.n_units == MOST_UNITS or n_bytes > max(MOST_BYTES, hand.memory):
            self._let_go(hand)
        else:
            self.idle.append(hand)

    def _let_go(self, hand: Hand) -> None:
        with suppress(self.ray.exceptions.RayError):
            self.ray.kill(hand.actor, no_restart=True)

    def _is_ready(self, promise: Any) -> bool:
        ready, _ = self.ray.wait([promise], timeout=0)
        return bool(ready)

    def _on(self, node: str, soft: bool = False) -> Any:
        strategy = self.ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        return strategy(node, soft=soft, _spill_on_unavailable=soft)

    def _describe(self, hand: Hand, error: Exception) -> str:
        """Say what became of a worker: a crash in words, short."""
        said = str(error)
        if _LOST in said:
            return f"the loss of its host ({hand.host})"
        if isinstance(error, self.ray.exceptions.RayTaskError):
            cause = getattr(error, "cause", error)
            return f"an error on {hand.host} ({type(cause).__name__}: {first_line(str(cause))})"
        if "OutOfMemory" in type(error).__name__ or "memory monitor" in said:
            return f"too little memory on {hand.host}"
        return f"the end of its process on {hand.host} ({_exit_of(said)})"


def _exit_of(said: str) -> str:
    """Return what Ray says of an exit, in short."""
    detail = said.partition("Worker exit detail: ")[2] or said
    return first_line(detail).partition(" Some common causes")[0].rstrip(".")
