"""A process that lost its lease, as after a long stop, leaves the node to the one that has it now."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from layerlab.analysis.stored.record import Record
from layerlab.nodes import node as nodes
from layerlab.nodes import worker
from layerlab.nodes.jobs import write_node
from layerlab.nodes.node import Node, Work
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.nodes.worker import run_nodes


@dataclass(frozen=True)
class Stopped:
    """A node whose process is stopped until another one has taken its lease, and then goes on."""

    name: str
    then: ClassVar[Callable[[Work], object]]

    kind: ClassVar[str] = "stopped"
    removable: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[bool] = False
    scored: ClassVar[bool] = False
    columns: ClassVar[Mapping[str, Any]] = {}
    needs: ClassVar[tuple[str, ...]] = ()

    @property
    def id(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        return f"stopped {self.name}"

    def execute(self, work: Work) -> None:
        lease = work.store.lease(self.id)
        lease.unlink()
        lease.write_text(json.dumps({"where": "elsewhere", "pid": 1, "born": "1", "token": "t"}))
        threading.Thread(target=finish, args=(work.store, self)).start()
        type(self).then(work)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Stopped:
        return cls(plain["name"])


def finish(store: Store, item: Stopped) -> None:
    """Complete a node as another process."""
    time.sleep(0.2)
    with store.publish(item.kind, item.id) as folder:
        Record(kind=item.kind, id=item.id, facts={"by": "the other"}).write(folder)
    store.lease(item.id).unlink()


def tread_on(work: Work) -> None:
    raise FileNotFoundError("a file that the other process took away")


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(nodes._KINDS, "stopped", Stopped)
    monkeypatch.setattr(worker, "POLL_SECONDS", 0.02)


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("then", [lambda work: work.report({"event": "step"}), tread_on])
def test_a_process_that_lost_its_lease_waits_for_the_one_that_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: Callable[[Work], object]
) -> None:
    monkeypatch.setattr(Stopped, "then", staticmethod(then), raising=False)
    store, item = Store(tmp_path), Stopped("a")
    assert isinstance(item, Node)
    write_node(store, item)
    assert run_nodes(tmp_path, ["a"], WorkSettings())
    assert store.read_failure("a") is None
    record = json.loads((store.folder("stopped", "a") / "record.json").read_text())
    assert record["node"] == {"by": "the other"}
    events = [json.loads(line)["event"] for line in store.events("a").read_text().splitlines()]
    assert events == ["start"]
