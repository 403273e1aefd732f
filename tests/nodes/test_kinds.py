"""A kind of node that a user adds in one file: plan, run, kill, resume, status, records and prune."""

from __future__ import annotations

import importlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

from layerlab.analysis.records.tidy import load_nodes, load_records
from layerlab.errors import StoreError, StudyError
from layerlab.nodes.jobs import read_node
from layerlab.nodes.node import Node, find_kind, node
from layerlab.nodes.store.store import Store
from layerlab.study.directory.pruning import find_prunable, prune, revive
from layerlab.study.directory.status import Count, read_status
from layerlab.study.study import Study
from tests.fixtures.forks import fork_command

# The mean absolute weight of every layer of a fit, as rows of the records.
NORMS = '''
import json, time
from dataclasses import asdict, dataclass
from pathlib import Path

import layerlab as ll
from layerlab.analysis.stored.record import Record, ScoreRow
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.identity import digest


@ll.node
@dataclass(frozen=True)
class Norm:
    """Mean absolute weights of a fit's layers."""

    fit: str
    model: str
    seed: int
    pause: float = 0.0

    kind = "norm"
    removable = ("tensors",)
    shared = False
    scored = True

    @property
    def id(self):
        return digest({"kind": self.kind, "fit": self.fit})

    @property
    def needs(self):
        return (self.fit,)

    @property
    def title(self):
        return f"norm {self.model} seed {self.seed}"

    @property
    def columns(self):
        return {"study": "small", "model": self.model, "task": "upos", "ablation": "norm", "phase": "none",
                "intervention": "none", "layers": "", "source": "aa", "seed": self.seed, "fit_id": self.fit}

    def execute(self, work):
        folder = work.store.work(self.id)
        folder.mkdir(parents=True, exist_ok=True)
        starts = folder / "starts.txt"
        starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
        time.sleep(self.pause if starts.read_text() == "x" else 0)
        encoder = ll.Encoder.from_pretrained(str(work.store.model(self.fit)))
        rows = [
            ScoreRow(target="aa", split="weights", metric="mean_abs", layer=layer + 1, n=1,
                     value=float(sum(p.detach().abs().mean() for p in encoder.parameters([layer]).values())))
            for layer in range(encoder.n_layers)
        ]
        with work.publish(self) as made:
            (made / "tensors").mkdir()
            (made / "tensors" / "norms.json").write_text(json.dumps([row.value for row in rows]))
            facts = {"seconds": 0.0, "starts": starts.read_text()}
            Record(kind=self.kind, id=self.id, about={**self.columns, "run_id": self.id},
                   facts=facts, scores=rows).write(made)

    def to_json(self):
        return asdict(self)

    @classmethod
    def from_json(cls, plain):
        return cls(**{key: plain[key] for key in ("fit", "model", "seed", "pause")})

    @classmethod
    def plan(cls, options, study, nodes):
        fits = [item for item in nodes if isinstance(item, Fit)]
        return [cls(fit.id, fit.model, fit.spec.seed, **(options or {})) for fit in fits]
'''


@pytest.fixture
def norms(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The small study with one seed and the user's nodes."""
    (tmp_path / "norms.py").write_text(NORMS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    importlib.import_module("norms")
    changes = {"seeds": (0,), "imports": ("norms",), "nodes": {"norm": {"pause": 30.0}}}
    return study.model_copy(update=changes)


def test_a_users_kind_is_planned_run_and_recorded(norms: Study, tmp_path: Path) -> None:
    plan = norms.model_copy(update={"nodes": {"norm": None}}).plan()
    kinds = [item.kind for item in plan.nodes]
    assert (kinds.count("fit"), kinds.count("run"), kinds.count("norm")) == (3, 4, 3)
    outcome = plan.run(tmp_path / "r", workers=0, progress=False)
    assert outcome.good, outcome.status.failures
    assert outcome.status.summary() == "3/3 norms, 4/4 runs, 3/3 fits complete"
    frame = load_records(tmp_path / "r")
    rows = frame[frame["metric"] == "mean_abs"]
    assert len(rows) == 3 * 4
    assert sorted(set(rows["layer"])) == [1, 2, 3, 4]
    assert (rows["value"] > 0).all()
    assert set(load_nodes(tmp_path / "r")["kind"]) == {"fit", "run", "norm"}
    only = plan.select(ablation="norm")
    assert {item.kind for item in only.nodes} == {"fit", "norm"}
    again = plan.run(tmp_path / "r", workers=0, progress=False)
    assert (again.good, again.n_new) == (True, 0)


def test_a_killed_node_of_a_users_kind_is_resumed(norms: Study, tmp_path: Path) -> None:
    """The runner is killed while the node is at work; complete nodes are not done again."""
    path = tmp_path / "study.yaml"
    path.write_text(norms.to_yaml(), encoding="utf-8")
    results = tmp_path / "r"
    options = ("--workers", "0", "--device", "cpu", "--no-report")
    process = fork_command("run", path, "--results", results, *options)
    started = wait_for(lambda: list(results.glob("work/*/starts.txt")))
    process.kill()
    process.join()
    plan = norms.plan()
    before = read_status(plan, Store(results))
    assert before.count("norm") == Count(0, 3)
    written = {one: one.stat().st_mtime_ns for one in results.glob("fits/*/record.json")}
    assert written
    quick = norms.model_copy(update={"nodes": {"norm": {"pause": 0.0}}}).plan()
    assert [item.id for item in quick.nodes] == [item.id for item in plan.nodes]
    done = quick.run(results, workers=0, progress=False)
    assert done.good, done.status.failures
    assert {one: one.stat().st_mtime_ns for one in written} == written
    resumed = results / "norms" / started[0].parent.name / "record.json"
    assert json.loads(resumed.read_text(encoding="utf-8"))["node"]["starts"] == "xx"


def test_parts_of_a_users_node_are_pruned(norms: Study, tmp_path: Path) -> None:
    plan = norms.model_copy(update={"nodes": {"norm": None}}).plan()
    plan.run(tmp_path / "r", workers=0, progress=False)
    store = Store(tmp_path / "r")
    found = find_prunable(plan, store)
    assert sorted(one.node.kind for one in found) == ["fit"] * 3 + ["norm"] * 3
    prune(store, [one.node for one in found])
    assert not list((tmp_path / "r" / "norms").glob("*/tensors"))
    assert find_prunable(plan, store) == []
    assert revive(plan, store) == []
    assert read_status(plan, store).complete
    assert len(load_records(tmp_path / "r")) > 0


def test_a_kind_that_is_not_registered_is_named(study: Study, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unknown kind of node 'fitt'; did you mean 'fit'"):
        find_kind("fitt")
    with pytest.raises(StudyError, match=r"nodes\.perplexity.*unknown kind of node 'perplexity'"):
        study.model_copy(update={"nodes": {"perplexity": {}}}).plan(check=False)
    with pytest.raises(StudyError, match=r"nodes\.fit.*cannot be asked for"):
        study.model_copy(update={"nodes": {"fit": {}}}).plan(check=False)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "ab.json").write_text('{"kind": "gone"}')
    with pytest.raises(StoreError, match="unknown kind of node 'gone'"):
        read_node(Store(tmp_path), "ab")


def test_a_class_that_is_no_node_is_refused() -> None:
    class Half:
        kind = "half"

    with pytest.raises(ValueError, match="Half is no node: it lacks removable, shared, scored, id, needs"):
        node(Half)  # type: ignore[type-var]


def test_built_in_nodes_are_nodes(study: Study) -> None:
    assert all(isinstance(item, Node) for item in study.plan(check=False).nodes)


def wait_for(look: Any, seconds: float = 120.0) -> Any:
    """Return what a look gives once it gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came")
