"""What the runner makes of a driver that dies, refuses or finds nothing; no cluster is needed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from layerlab.errors import StoreError
from layerlab.nodes.engines.engine import Ended
from layerlab.nodes.engines.on_ray import engine as module
from layerlab.nodes.engines.on_ray.engine import MOST_DEATHS, RayEngine
from layerlab.nodes.engines.on_ray.options import RayOptions
from layerlab.nodes.engines.unit import Unit
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MODULE", "tests.fixtures.ray_driver")
    monkeypatch.setattr(module, "_PAUSE", 0.0)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def open_engine(folder: Path, deaths: int = 0) -> RayEngine:
    environment = {"DEATHS": str(deaths), "COUNT": str(folder / "count")}
    options = RayOptions(environment=environment, patience=0.0)
    return RayEngine(Store(folder / "r"), WorkSettings(device="cpu"), options, None)


def ends_of(engine: RayEngine, n: int) -> list[Ended]:
    """Poll until so many units have ended."""
    ended: list[Ended] = []
    deadline = time.monotonic() + 240
    while len(ended) < n and time.monotonic() < deadline:
        ended += engine.poll()
        time.sleep(0.01)
    return ended


def test_units_of_a_driver_that_died_are_ordered_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing counts as a crash; the room is what the cluster said last."""
    engine = open_engine(tmp_path, deaths=1)
    assert engine.slots == 3
    for slot, name in enumerate("ab"):
        engine.start(slot, Unit(name, (name,)))
    assert sorted(ends_of(engine, 2), key=lambda one: one.slot) == [Ended(0), Ended(1)]
    assert (engine.slots, engine.running) == (2, {})
    assert "the Ray cluster on this machine went away; waiting for it" in capsys.readouterr().err
    engine.close()
    assert not list((tmp_path / "r/logs").glob("*.proof"))


def test_a_driver_that_dies_again_and_again_ends_the_run(tmp_path: Path) -> None:
    engine = open_engine(tmp_path, deaths=100)
    engine.start(0, Unit("a", ("a",)))
    with pytest.raises(StoreError, match="went away and did not come back: its driver ends again and again"):
        ends_of(engine, 1)
    engine.close()
    assert len((tmp_path / "count").read_text().splitlines()) == MOST_DEATHS + 1


def test_a_host_that_refuses_ends_the_run(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    engine.start(0, Unit("blind", ("blind",)))
    with pytest.raises(StoreError, match="a host is blind"):
        ends_of(engine, 1)
    engine.close()


def test_an_address_where_nothing_answers_is_found_out_at_once(tmp_path: Path) -> None:
    options, began = RayOptions(address="127.0.0.1:9"), time.monotonic()
    with pytest.raises(StoreError, match=r"no Ray cluster answers at 127\.0\.0\.1:9: Connection refused"):
        RayEngine(Store(tmp_path), WorkSettings(), options, None)
    assert time.monotonic() - began < 10
