"""Nodes that are carried out together: each published alone, none taken down by another."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layerlab.nodes.engines.choice import make_local
from layerlab.nodes.engines.scheduler import schedule
from layerlab.nodes.engines.unit import make_units
from layerlab.nodes.jobs import write_node
from layerlab.nodes.joining import join_nodes
from layerlab.nodes.kept import Kept
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.events import last_event
from layerlab.nodes.store.lease import claim
from layerlab.nodes.store.store import Store
from layerlab.nodes.worker import run_nodes
from tests.fixtures.forks import fork_command

# Nodes that write down how they were carried out; those of a team share work.
MEMBERS = '''
import os, signal, time
from dataclasses import asdict, dataclass

import layerlab as ll
from layerlab.analysis.stored.record import Record


@ll.node
@dataclass(frozen=True)
class Member:
    """A node of a team; ``does`` says what goes wrong."""

    name: str
    team: str = "a"
    wants: tuple[str, ...] = ()
    does: str = ""

    kind = "member"
    removable = ()
    shared = False
    scored = False
    columns = {}
    id = property(lambda self: self.name)
    needs = property(lambda self: self.wants)
    title = property(lambda self: f"member {self.name}")

    def execute(self, work):
        self.write(work, "alone")

    def write(self, work, how):
        if self.does == "dies" or (self.does == "dies together" and how != "alone"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.does == "fails" or (self.does == "fails together" and how != "alone"):
            raise ValueError(f"{self.name} fails")
        if self.does == "waits" and how != "alone":
            time.sleep(60)
        with work.publish(self) as folder:
            Record(kind=self.kind, id=self.id, about={}, facts={"seconds": 0.0, "how": how}).write(folder)

    @classmethod
    def join(cls, nodes, settings):
        if not settings.shortcuts:
            return [[item] for item in nodes]
        teams = {}
        for item in nodes:
            teams.setdefault(item.team, []).append(item)
        return list(teams.values())

    @classmethod
    def execute_together(cls, nodes, work):
        for item in nodes:
            work.of(item).report({"event": "step", "step": 1, "steps": 1})
            item.write(work, "with " + " ".join(one.name for one in nodes))

    def to_json(self):
        return asdict(self)

    @classmethod
    def from_json(cls, plain):
        return cls(plain["name"], plain["team"], tuple(plain["wants"]), plain["does"])
'''


@pytest.fixture
def member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The user's kind of node."""
    (tmp_path / "members.py").write_text(MEMBERS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    made: Callable[..., Any] = importlib.import_module("members").Member
    return made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A results directory whose workers import the user's kind."""
    made = Store(tmp_path / "r")
    made.write_manifest({"study": "small", "nodes": {}, "imports": ["members"]})
    return made


def written(store: Store, *nodes: Any) -> list[str]:
    """Write nodes to a store; return their ids."""
    for item in nodes:
        write_node(store, item)
    return [item.id for item in nodes]


def how(store: Store) -> dict[str, str]:
    """Return how each complete node was carried out."""
    records = sorted(store.root.glob("members/*/record.json"))
    return {path.parent.name: json.loads(path.read_text())["node"]["how"] for path in records}


def test_nodes_that_share_work_are_carried_out_together(store: Store, member: Any) -> None:
    ids = written(store, member("x"), member("y", team="b"), member("z"))
    assert run_nodes(store.root, ids, WorkSettings())
    assert how(store) == {"x": "with x z", "y": "alone", "z": "with x z"}
    events = [json.loads(line)["event"] for line in store.events("z").read_text().splitlines()]
    assert events == ["start", "step", "done"]
    assert not list(store.root.glob("leases/*"))


def test_a_failing_node_does_not_take_the_others_down(store: Store, member: Any) -> None:
    ids = written(store, member("x"), member("y", does="fails"), member("z"), member("q", wants=("y",)))
    assert not run_nodes(store.root, ids, WorkSettings())
    assert how(store) == {"x": "with x y z", "z": "alone"}
    failure = store.read_failure("y")
    assert failure is not None
    assert failure["message"] == "y fails"
    assert store.read_failure("z") is None


def test_an_error_of_the_group_alone_leaves_no_failure(store: Store, member: Any) -> None:
    ids = written(store, member("x", does="fails together"), member("y"))
    assert run_nodes(store.root, ids, WorkSettings())
    assert how(store) == {"x": "alone", "y": "alone"}
    assert not list(store.root.glob("failed/*"))


def test_what_is_complete_or_held_or_not_ready_is_left_out(store: Store, member: Any) -> None:
    """The member that waits for another of its own team is carried out after it."""
    ids = written(store, *(member(name) for name in "vxyz"), member("late", wants=("x",)))
    run_nodes(store.root, ["v"], WorkSettings())
    with claim(store.lease("x")) as mine:
        assert mine
        run = fork_command("run-one", store.root, *ids)
        wait_for(lambda: (store.folder("member", "z") / "record.json").is_file())
    run.join(timeout=240)
    assert run.exitcode == 0
    assert how(store) == {
        "v": "alone", "x": "alone", "y": "with y z", "z": "with y z", "late": "alone",
    }  # fmt: skip


def test_the_plain_way_joins_nothing(store: Store, member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [member("x"), member("y")]
    ids = written(store, *nodes)
    assert [len(unit.nodes) for unit in make_units(nodes, lambda item: False, WorkSettings())] == [2]
    plain = WorkSettings(shortcuts=())
    assert [len(unit.nodes) for unit in make_units(nodes, lambda item: False, plain)] == [1, 1]
    assert run_nodes(store.root, ids, plain)
    assert how(store) == {"x": "alone", "y": "alone"}
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert join_nodes(nodes, WorkSettings()) == [[nodes[0]], [nodes[1]]]


def test_joined_hosts_are_one_unit_with_their_guests(member: Any) -> None:
    """Hosts that need other nodes are in units of their own, so that none waits for itself."""
    hosts = [member("x"), member("y", team="b"), member("z"), member("needy", wants=("x",))]
    guests = [member(f"of-{host.name}", "guests", (host.name,)) for host in hosts]
    units = make_units([*hosts, *guests], lambda item: item.id == "of-y", WorkSettings())
    assert [unit.nodes for unit in units] == [("x", "z", "of-x", "of-z"), ("y",), ("needy", "of-needy")]
    assert units[0].title == "member x and 1 more"
    assert [part.nodes for part in units[0].parts] == [("x", "of-x"), ("z", "of-z")]
    done = make_units([*hosts, *guests], lambda item: item.id in "xyz", WorkSettings())
    assert [unit.nodes for unit in done] == [
        ("x", "of-x"),
        ("y", "of-y"),
        ("z", "of-z"),
        ("needy", "of-needy"),
    ]


def test_groups_that_lose_a_node_are_refused(member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [member("x"), member("y")]
    monkeypatch.setattr(member, "join", classmethod(lambda cls, nodes, settings: [nodes[:1]]))
    with pytest.raises(ValueError, match=r"Member\.join must return each of its 2 nodes once"):
        join_nodes(nodes, WorkSettings())


def test_a_killed_group_is_resumed_where_it_was(store: Store, member: Any) -> None:
    """What was published stays; the others are done again, together."""
    ids = written(store, member("w"), member("x", does="waits"), member("y"), member("z"))
    process = fork_command("run-one", store.root, *ids)
    wait_for(lambda: (store.folder("member", "w") / "record.json").is_file())
    process.kill()
    process.join()
    before = (store.folder("member", "w") / "record.json").stat().st_mtime_ns
    assert (how(store), (last_event(store.events("z")) or {})["event"]) == ({"w": "with w x y z"}, "start")
    written(store, member("x"))
    assert run_nodes(store.root, ids, WorkSettings())
    assert how(store) == {"w": "with w x y z", **dict.fromkeys("xyz", "with x y z")}
    assert (store.folder("member", "w") / "record.json").stat().st_mtime_ns == before


@pytest.mark.usefixtures("forked_pool")
def test_a_group_whose_worker_dies_falls_into_its_nodes(store: Store, member: Any) -> None:
    nodes = [member("x"), member("y", does="dies together"), member("z", does="dies")]
    written(store, *nodes)
    settings = WorkSettings(device="cpu")
    units = make_units(nodes, lambda item: store.is_complete(item.id), settings)
    assert len(units) == 1
    schedule(store, units, make_local(store, settings, 2))
    assert how(store) == {"x": "with x y z", "y": "alone"}
    failure = store.read_failure("z")
    assert failure is not None
    assert "died of signal 9" in failure["message"]


def test_what_is_kept_stays_within_its_room() -> None:
    kept, made = Kept(room=10), []

    def make(name: str) -> str:
        made.append(name)
        return name

    for name in ("abc", "defg", "abc", "hij"):
        kept.get(name, lambda name=name: make(name), len)  # type: ignore[misc]
    assert (made, kept.n_bytes) == (["abc", "defg", "hij"], 6)
    assert ["defg" in kept, "abc" in kept] == [False, True]
    assert kept.put("waits", None, 7)
    assert ("hij" in kept, "abc" in kept) == (True, False)
    assert not kept.put("more", None, 4)
    kept.get("alone", lambda: "x")
    assert ("alone" in kept, "waits" in kept, "hij" in kept) == (True, False, False)


def wait_for(look: Callable[[], bool], seconds: float = 240.0) -> None:
    """Wait until a look gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if look():
            return
        time.sleep(0.05)
    raise AssertionError("nothing came")
