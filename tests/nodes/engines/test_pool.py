"""The pool: a slot's worker goes on from unit to unit; one that dies takes down its own unit only."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from layerlab.nodes.engines.choice import make_local
from layerlab.nodes.engines.scheduler import schedule
from layerlab.nodes.engines.unit import make_units
from layerlab.nodes.jobs import write_node
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.lease import is_held
from layerlab.nodes.store.store import Store
from layerlab.processes import born
from layerlab.study.study import Study
from tests.nodes.test_joining import wait_for

# Nodes that write down which process carried them out; some kill it, some raise.
SAYING = """
import os, signal, time
from dataclasses import asdict, dataclass

import layerlab as ll
from layerlab.nodes import process
from layerlab.analysis.stored.record import Record


@ll.node
@dataclass(frozen=True)
class Saying:
    name: str
    does: str = ""

    kind = "saying"
    removable = ()
    shared = False
    scored = False
    columns = {}
    needs = ()
    id = property(lambda self: self.name)
    title = property(lambda self: f"saying {self.name}")

    def execute(self, work):
        print("about", self.name)
        if self.does == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.does == "kills the pool" and not work.store.work(self.id).exists():
            work.store.work(self.id).mkdir(parents=True)
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(600)
        if self.does == "sleeps":
            time.sleep(600)
        if self.does == "grows":
            process.resident_bytes = lambda: 1 << 50
        if self.does == "fails":
            raise ValueError("no")
        n = work.kept.get("n", lambda: [0])
        n[0] += 1
        facts = {"seconds": 0.0, "pid": os.getpid(), "n": n[0]}
        with work.publish(self) as folder:
            Record(kind=self.kind, id=self.id, about={}, facts=facts).write(folder)

    def to_json(self):
        return asdict(self)

    @classmethod
    def from_json(cls, plain):
        return cls(plain["name"], plain["does"])
"""


@pytest.fixture
def saying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The user's kind of node."""
    (tmp_path / "sayings.py").write_text(SAYING, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return importlib.import_module("sayings").Saying


def test_a_worker_goes_on_until_it_dies_or_is_too_large(saying: Any, tmp_path: Path) -> None:
    """A node that fails ends nothing; each unit has a log of its own."""
    store, settings = Store(tmp_path / "r"), WorkSettings(device="cpu")
    store.write_manifest({"study": "small", "nodes": {}, "imports": ["sayings"]})
    does = {"a": "", "b": "fails", "c": "", "d": "dies", "e": "", "f": "grows", "g": ""}
    nodes = [saying(*one) for one in does.items()]
    for item in nodes:
        write_node(store, item)
    schedule(store, make_units(nodes, lambda item: False, settings), make_local(store, settings, 1))
    records = {path.parent.name: path for path in sorted(store.root.glob("sayings/*/record.json"))}
    notes = {name: json.loads(path.read_text())["node"] for name, path in records.items()}
    assert {name: note["n"] for name, note in notes.items()} == {"a": 1, "c": 2, "e": 1, "f": 2, "g": 1}
    assert notes["a"]["pid"] == notes["c"]["pid"]
    assert len({notes[name]["pid"] for name in "aeg"}) == 3
    assert (store.root / "logs" / "c.log").read_text(encoding="utf-8") == "about c\n"
    failure = store.read_failure("d")
    assert failure is not None
    assert failure["message"] == "the worker died of signal 9: about d"


@pytest.mark.usefixtures("forked_pool")
def test_a_pool_that_is_killed_is_opened_again(saying: Any, tmp_path: Path) -> None:
    """What its workers were at is carried out by new ones, and nothing failed."""
    store, settings = Store(tmp_path / "r"), WorkSettings(device="cpu")
    store.write_manifest({"study": "small", "nodes": {}, "imports": ["sayings"]})
    nodes = [saying("a", "kills the pool"), saying("b"), saying("c")]
    for item in nodes:
        write_node(store, item)
    schedule(store, make_units(nodes, lambda item: False, settings), make_local(store, settings, 2))
    assert store.done("saying") == {"a", "b", "c"}
    assert store.broken() == frozenset()


RUNNER = """
import sys
from pathlib import Path
from sayings import Saying
from layerlab.nodes.engines.choice import make_local
from layerlab.nodes.engines.scheduler import schedule
from layerlab.nodes.engines.unit import make_units
from layerlab.nodes.jobs import write_node
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
store, settings = Store(Path(sys.argv[1])), WorkSettings(device="cpu")
store.write_manifest({"study": "small", "nodes": {}, "imports": ["sayings"]})
nodes = [Saying("a", "sleeps"), Saying("b")]
for item in nodes:
    write_node(store, item)
schedule(store, make_units(nodes, lambda item: False, settings), make_local(store, settings, 2))
"""


def test_no_process_outlives_a_killed_runner(saying: Any, tmp_path: Path) -> None:
    """One at a unit ends at once, and the pool takes no time to end."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(tmp_path / "r")], env=environment)
    lease = Store(tmp_path / "r").lease("a")
    wait_for(lambda: is_held(lease) and (tmp_path / "r/sayings/b/record.json").exists())
    worker = json.loads(lease.read_text())["pid"]
    nursery = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
    assert born(nursery)
    runner.kill()
    runner.wait()
    wait_for(lambda: not born(worker) and not born(nursery), 2.0)
    assert not is_held(lease)


def test_fits_of_one_worker_encode_their_corpora_once(study: Study, tmp_path: Path) -> None:
    """The records are those of the plain way."""
    plan = study.model_copy(update={"seeds": (0,)}).plan(check=False)
    read = {}
    for name in ("all", "none"):
        done = plan.run(tmp_path / name, workers=0, device="cpu", progress=False, shortcuts=name)
        assert done.good, done.status.failures
        fits = [
            json.loads((done.store.folder("fit", fit.id) / "record.json").read_text()) for fit in plan.fits
        ]
        runs = [
            json.loads((done.store.folder("run", run.id) / "record.json").read_text()) for run in plan.runs
        ]
        read[name] = ([fit["node"]["history"][-1]["dev"] for fit in fits], [run["scores"] for run in runs])
        said = [fit["node"]["shortcuts"].get("encoded-corpora") for fit in fits]
        assert said == ([None, *["2 corpora were in memory"] * 2] if name == "all" else [None] * 3)
    assert read["all"] == read["none"]
