"""Who gets which order on a Ray cluster, tried on one that is made up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from layerlab.nodes.engines.nursery import MOST_BYTES
from layerlab.nodes.engines.on_ray import worker
from layerlab.nodes.engines.on_ray.crew import IDLE_SECONDS, Crew
from layerlab.nodes.engines.on_ray.make import Ray
from layerlab.nodes.engines.on_ray.room import gpus_of, room_for
from layerlab.nodes.engines.on_ray.worker import Place, Worker


class RayError(Exception):
    """The root of Ray's errors."""


class ActorUnavailableError(RayError):
    """The connection is lost."""


class ActorDiedError(RayError):
    """The worker is gone."""


class RayTaskError(RayError):
    """What the worker raised."""

    cause = ValueError("no such module")


@dataclass(eq=False)
class Promise:
    """What an actor will answer."""

    order: dict[str, Any] = field(default_factory=dict)
    answer: Any = None


@dataclass(eq=False)
class Actor:
    """An actor: what it was made with, and the promises that it gave."""

    options: dict[str, Any]
    node: str
    promises: list[Promise] = field(default_factory=list)

    @property
    def find_place(self) -> Any:
        place = Place(f"host-{self.node}", self.node, 1, "elsewhere")
        return SimpleNamespace(remote=lambda: Promise(answer=place))

    @property
    def carry_out(self) -> Any:
        return SimpleNamespace(remote=self._promise)

    def _promise(self, order: dict[str, Any]) -> Promise:
        self.promises.append(Promise(order))
        return self.promises[-1]


class Cluster:
    """A made-up module of Ray: workers go to the nodes in turn unless they are placed."""

    exceptions = SimpleNamespace(
        RayError=RayError, ActorUnavailableError=ActorUnavailableError, RayTaskError=RayTaskError
    )
    util = SimpleNamespace(
        scheduling_strategies=SimpleNamespace(
            NodeAffinitySchedulingStrategy=lambda node, **how: SimpleNamespace(node=node, **how)
        )
    )

    def __init__(self, *nodes: str) -> None:
        self.nodes = list(nodes)
        self.actors: list[Actor] = []
        self.killed: list[Actor] = []

    def remote(self, cls: type) -> Any:
        assert cls is Worker
        return SimpleNamespace(options=self._with)

    def _with(self, **options: Any) -> Any:
        def make(*arguments: Any) -> Actor:
            wanted = getattr(options["scheduling_strategy"], "node", None)
            self.actors.append(Actor(options, wanted or self.nodes[len(self.actors) % len(self.nodes)]))
            return self.actors[-1]

        return SimpleNamespace(remote=make)

    def wait(self, promises: Sequence[Promise], **how: Any) -> tuple[list[Promise], list[Promise]]:
        ready = [promise for promise in promises if promise.answer is not None]
        return ready, [promise for promise in promises if promise.answer is None]

    def get(self, promise: Promise) -> Any:
        if isinstance(promise.answer, Exception):
            raise promise.answer
        return promise.answer

    def kill(self, actor: Actor, no_restart: bool) -> None:
        self.killed.append(actor)


def order(slot: int, *nodes: str, needs: Sequence[str] = (), memory: int = 1) -> dict[str, Any]:
    return {"slot": slot, "nodes": list(nodes), "needs": list(needs), "memory": memory}


def carry_out(crew: Crew, *orders: dict[str, Any], answer: Any = None) -> list[dict[str, Any]]:
    """Have orders carried out at once; return the reports."""
    for one in orders:
        crew.give(one)
    for hand in crew.busy:
        hand.promise.answer = answer or {"bytes": 1}
    return list(crew.listen())


@pytest.fixture
def cluster() -> Cluster:
    return Cluster("a", "b")


@pytest.fixture
def crew(cluster: Cluster) -> Crew:
    return Crew(cluster, Ray(cores=2), 0.25, [])


def test_a_worker_goes_on_from_unit_to_unit(crew: Crew, cluster: Cluster) -> None:
    assert carry_out(crew, order(0, "x")) == [{"slot": 0, "crash": ""}]
    carry_out(crew, order(1, "y"))
    (actor,) = cluster.actors
    assert [promise.order["nodes"] for promise in actor.promises] == [["x"], ["y"]]
    asked = {name: actor.options[name] for name in ("num_cpus", "num_gpus", "memory", "max_restarts")}
    assert asked == {"num_cpus": 2, "num_gpus": 0.25, "memory": 1, "max_restarts": 0}


def test_what_needs_a_fit_goes_where_the_fit_was(crew: Crew, cluster: Cluster) -> None:
    """To the worker that has it in memory; to a new one on its host if that worker is at something else."""
    carry_out(crew, order(0, "fit-1"), order(1, "fit-2"))
    crew.give(order(0, "late", needs=["fit-2"]))
    assert cluster.actors[1].promises[-1].order["nodes"] == ["late"]
    crew.give(order(1, "other"))
    crew.give(order(2, "later", needs=["fit-2"]))
    assert (cluster.actors[2].node, cluster.actors[2].options["scheduling_strategy"].soft) == ("b", True)


def test_a_worker_that_is_too_small_leaves_its_place(crew: Crew, cluster: Cluster) -> None:
    carry_out(crew, order(0, "x", memory=10))
    carry_out(crew, order(0, "y", memory=20))
    carry_out(crew, order(0, "z", memory=5))
    assert [actor.options["memory"] for actor in cluster.actors] == [10, 20]
    assert cluster.killed == cluster.actors[:1]


def test_an_estimate_above_the_largest_host_waits_for_no_larger_one(crew: Crew, cluster: Cluster) -> None:
    crew.most_memory = 15
    carry_out(crew, order(0, "x", memory=20))
    assert cluster.actors[0].options["memory"] == 15


def test_workers_that_have_grown_or_have_nothing_to_do_are_let_go(crew: Crew, cluster: Cluster) -> None:
    carry_out(crew, order(0, "x"), answer={"bytes": MOST_BYTES + 1})
    assert (cluster.killed, crew.idle) == (cluster.actors, [])
    carry_out(crew, order(0, "y"))
    crew.rest()
    assert len(crew.idle) == 1
    crew.idle[0].since = time.monotonic() - IDLE_SECONDS - 1
    crew.rest()
    assert (cluster.killed, crew.idle) == (cluster.actors, [])


def test_a_worker_that_is_away_is_asked_again(crew: Crew, cluster: Cluster) -> None:
    """It may still be at the unit; a unit that is complete is not done again."""
    assert carry_out(crew, order(0, "x"), answer=ActorUnavailableError("away")) == []
    assert list(crew.listen()) == []
    assert [promise.order["nodes"] for promise in cluster.actors[0].promises] == [["x"], ["x"]]
    cluster.actors[0].promises[-1].answer = {"bytes": 1}
    assert list(crew.listen()) == [{"slot": 0, "crash": ""}]


@pytest.mark.parametrize(
    ("error", "crash"),
    [
        (ActorDiedError("The actor died because its node has died."), "the loss of its host (host-a)"),
        (
            ActorDiedError("...\nWorker exit detail: End of file. Some common causes include: ..."),
            "the end of its process on host-a (End of file)",
        ),
        (RayTaskError("traceback"), "an error on host-a (ValueError: no such module)"),
        (ActorDiedError("killed by the memory monitor"), "too little memory on host-a"),
    ],
)
def test_a_crash_says_what_became_of_the_worker(
    crew: Crew, cluster: Cluster, error: Exception, crash: str
) -> None:
    crew.give(order(0, "x"))
    list(crew.listen())
    crew.busy[0].promise.answer = error
    assert list(crew.listen()) == [{"slot": 0, "crash": crash}]
    assert (crew.busy, crew.idle, cluster.killed) == ([], [], cluster.actors)


def test_a_host_without_the_results_directory_refuses(
    crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_PATIENCE", 0.0)
    asked: dict[str, Any] = {"proof": str(tmp_path / "proof"), "store": str(tmp_path), "log": ""}
    asked |= {"nodes": [], "settings": {}}
    said = Worker([], {}).carry_out(asked)
    assert (
        f"does not see the results directory {tmp_path}; all hosts of the cluster must share it, or"
        in said["refused"]
    )
    assert carry_out(crew, order(0, "x"), answer=said) == [said]


def test_room_is_counted_on_living_hosts() -> None:
    """Memory and further resources count where they are asked for; GPUs are used where there are any."""
    large = {"CPU": 16.0, "GPU": 2.0, "memory": 64e9, "tape": 1.0}
    nodes = [
        {"Alive": True, "Resources": large},
        {"Alive": True, "Resources": {"CPU": 3.0, "memory": 4e9}},
        {"Alive": False, "Resources": large},
    ]
    assert [room_for(Ray(cores=cores), 0.0, nodes) for cores in (1, 2, 17)] == [19, 9, 0]
    assert [room_for(Ray(), gpus, nodes) for gpus in (1.0, 0.1, 2.0)] == [2, 16, 1]
    assert room_for(Ray.model_validate({"memory": "4GB"}), 0.0, nodes) == 17
    assert room_for(Ray(resources={"tape": 0.5}), 0.0, nodes) == 2
    assert [gpus_of(Ray(), nodes, device) for device in ("auto", "cpu")] == [1.0, 0.0]
    assert (gpus_of(Ray(), nodes, "auto", 2), gpus_of(Ray(), nodes[1:], "auto")) == (2.0, 0.0)
    assert gpus_of(Ray(gpus=0.5), nodes[1:], "auto") == 0.5
