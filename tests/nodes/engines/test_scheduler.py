"""One scheduler, any engine: an engine from outside the package gives the records of the embedded ones."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.records.tidy import load_records
from layerlab.errors import StudyError
from layerlab.nodes.engines.engine import Ended, Engine, find_engine, register_engine
from layerlab.nodes.engines.scheduler import schedule
from layerlab.nodes.engines.unit import Unit, make_units, state_of
from layerlab.nodes.jobs import write_node
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.nodes.worker import run_nodes
from layerlab.study.study import Study

KEY = ["run_id", "target", "metric"]


class Threads:
    """A user's engine, whole: two threads of this process, which take turns."""

    slots = 2

    def __init__(self, store: Store, settings: WorkSettings) -> None:
        self.store, self.settings = store, settings
        self.turn = threading.Lock()
        self.running: dict[int, threading.Thread] = {}

    def start(self, slot: int, unit: Unit) -> None:
        self.running[slot] = threading.Thread(target=self._work, args=(unit,))
        self.running[slot].start()

    def poll(self) -> Iterable[Ended]:
        ended = [slot for slot, thread in self.running.items() if not thread.is_alive()]
        for slot in ended:
            del self.running[slot]
        return [Ended(slot) for slot in ended]

    def close(self) -> None:
        for thread in self.running.values():
            thread.join()

    def _work(self, unit: Unit) -> None:
        with self.turn:
            run_nodes(self.store.root, unit.nodes, self.settings)


class Dying:
    """An engine whose workers die a number of times before they work."""

    slots = 1

    def __init__(self, deaths: int) -> None:
        self.deaths, self.starts, self.closed = deaths, 0, False
        self.ended: list[Ended] = []

    def start(self, slot: int, unit: Unit) -> None:
        self.starts += 1
        crash = "signal 9" if self.starts <= self.deaths else ""
        self.ended.append(Ended(slot, crash, "out of memory\n" if crash else ""))

    def poll(self) -> Iterable[Ended]:
        ended, self.ended = self.ended, []
        return ended

    def close(self) -> None:
        self.closed = True


def make_threads(store: Store, settings: WorkSettings, slots: int | None = None) -> Engine:
    return Threads(store, settings)


def test_an_engine_from_outside_is_found_by_name_and_gives_the_same_records(
    study: Study, tmp_path: Path
) -> None:
    register_engine("threads", make_threads)
    plan = study.model_copy(update={"seeds": (0,)}).plan()
    frames = []
    for engine in ("threads", "inline"):
        outcome = plan.run(tmp_path / engine, engine=engine, device="cpu", progress=False)
        assert outcome.good, outcome.status.failures
        frames.append(load_records(tmp_path / engine).sort_values(KEY, ignore_index=True))
    pd.testing.assert_frame_equal(frames[0], frames[1])
    with pytest.raises(ValueError, match="engine 'threads' exists already"):
        register_engine("threads", lambda store, settings, slots: Threads(store, settings))


def test_an_unknown_engine_is_named_with_those_there_are(study: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="unknown engine 'locla'; did you mean 'local'"):
        study.plan().run(tmp_path / "r", engine="locla")
    assert not (tmp_path / "r").exists()
    assert find_engine("inline") is not find_engine("local")


@pytest.mark.parametrize(("retries", "starts", "fails"), [(0, 1, True), (1, 2, True), (2, 3, False)])
def test_work_whose_process_died_is_tried_again(
    study: Study, tmp_path: Path, retries: int, starts: int, fails: bool
) -> None:
    plan = study.model_copy(update={"seeds": (0,)}).plan(check=False)
    store = Store(tmp_path)
    write_node(store, plan.fits[0])
    unit, engine = Unit("a fit", (plan.fits[0].id,)), Dying(2)
    schedule(store, [unit], engine, retries=retries)
    failure = store.read_failure(plan.fits[0].id)
    assert (engine.starts, engine.closed) == (starts, True)
    assert (failure is not None) == fails
    if failure is not None:
        assert failure["message"] == "the worker died of signal 9: out of memory"


def test_results_work_beside_the_node_that_they_need(study: Study, tmp_path: Path) -> None:
    """One unit for a fit with its runs; nodes that are complete are left out."""
    plan = study.model_copy(update={"seeds": (0,)}).plan(check=False)
    units = make_units(plan.nodes, lambda item: False)
    assert [len(unit.nodes) for unit in units] == [3, 2, 2]
    assert all(unit.nodes[0] in {fit.id for fit in plan.fits} for unit in units)
    done = {fit.id for fit in plan.fits} | {plan.runs[0].id}
    left = make_units(plan.nodes, lambda item: item.id in done)
    assert sorted(node_id for unit in left for node_id in unit.nodes if node_id not in done) == sorted(
        run.id for run in plan.runs[1:]
    )
    store = Store(tmp_path)
    for item in plan.nodes:
        write_node(store, item)
    assert {state_of(store, unit) for unit in units} == {"ready"}
    store.write_failure(plan.fits[0].id, "x", ValueError("no"), "")
    needy = Unit("needs a fit", (plan.runs[-1].id,), frozenset({plan.fits[0].id}))
    assert state_of(store, needy) == "blocked"
