"""The engine on Ray, on a cluster of several nodes on this machine: nothing lost, nothing complete redone."""

from __future__ import annotations

import importlib
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.analysis.records.tidy import load_records
from layerlab.errors import StoreError
from layerlab.finetuning.checkpoint import has_checkpoint
from layerlab.nodes.engines.line import quiet_environment
from layerlab.nodes.engines.on_ray.engine import RayEngine
from layerlab.nodes.engines.on_ray.make import Ray
from layerlab.nodes.engines.scheduler import schedule
from layerlab.nodes.engines.unit import Unit, make_units
from layerlab.nodes.jobs import write_node
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.lease import is_held
from layerlab.nodes.store.store import Store
from layerlab.processes import born
from layerlab.study.study import Study, StudyPlan
from tests.fixtures.studies import make_study
from tests.nodes.engines.test_pool import SAYING
from tests.nodes.test_joining import wait_for

pytest.importorskip("ray")
pytestmark = pytest.mark.slow

KEY = ["run_id", "target", "metric"]
SMALL = {"object_store_memory": 80_000_000}
OPTIONS: dict[str, Any] = {"device": "cpu", "progress": False, "checkpoint_seconds": 0}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster whose head has no cores; tests add the nodes that work."""
    with pytest.MonkeyPatch.context() as patch:
        quieten(patch)
        made = start_cluster(num_cpus=0)
        yield made
        made.shutdown()


@pytest.fixture(scope="module")
def long_study(treebanks: Path, tiny_encoder: Path) -> Study:
    """Three fits of some seconds, with four runs."""
    training = {"epochs": 15, "learning_rate": 1e-3, "batch_size": 8}
    return make_study(treebanks, tiny_encoder, seeds=[0], targets=["bb"], training=training)


def quieten(patch: pytest.MonkeyPatch) -> None:
    """Report no usage, and let workers have as much of a busy machine as the tests have."""
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    patch.setenv("RAY_worker_niceness", "0")


def start_cluster(**head: Any) -> Any:
    from ray.cluster_utils import Cluster

    return Cluster(initialize_head=True, head_node_args={"include_dashboard": False, **SMALL, **head})


def holder(store: Store, node_id: str) -> int:
    """Return the process that is at work on a node."""
    return int(json.loads(store.lease(node_id).read_text(encoding="utf-8"))["pid"])


def host_of(cluster: Any, pid: int) -> Any:
    """Return the node of a cluster that a worker is on."""
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    for node in cluster.list_all_nodes():
        if node.all_processes["raylet"][0].process.pid == parent:
            return node
    raise AssertionError(f"{pid} is on no node")


def is_amid(store: Store, plan: StudyPlan) -> bool:
    """Return whether a run is over and another fit is past its first checkpoint."""
    return bool(store.done("run")) and any(is_held(store.lease(fit.id)) for fit in at_work(store, plan))


def at_work(store: Store, plan: StudyPlan) -> list[Any]:
    """Return the fits that have a checkpoint and are not complete."""
    return [fit for fit in plan.fits if has_checkpoint(store.work(fit.id)) and not is_done(store, fit)]


def is_done(store: Store, fit: Any) -> bool:
    return store.is_done("fit", fit.id)


def complete(store: Store) -> dict[str, int]:
    """Return when each complete node was written."""
    found = store.root.glob("*/[!.]*/record.json")
    return {str(path): path.stat().st_mtime_ns for path in found}


def records(folder: Path) -> pd.DataFrame:
    return load_records(folder).sort_values(KEY, ignore_index=True)


def test_the_records_are_those_of_the_embedded_engines(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an address, a cluster on this machine is started and ended."""
    quieten(monkeypatch)
    monkeypatch.setenv("LAYERLAB_TESTED_IN", str(tmp_path))
    plan = study.model_copy(update={"seeds": (0,)}).plan(check=False)
    for engine, workers in (("inline", None), ("local", 1), ("ray", 1)):
        outcome = plan.run(tmp_path / engine, engine=engine, workers=workers, device="cpu", progress=False)
        assert outcome.good, outcome.status.failures
    for engine in ("local", "ray"):
        pd.testing.assert_frame_equal(records(tmp_path / "inline"), records(tmp_path / engine))
    assert not list((tmp_path / "ray" / "logs").glob("ray-*.proof"))
    wait_for(lambda: not started_in(tmp_path), 30)


def started_in(folder: Path) -> list[str]:
    """Return the command lines of the processes that have inherited the name of a test's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(folder).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text(encoding="utf-8").replace("\0", " "))
    return found


def test_a_node_that_is_killed_amid_a_fit_loses_and_repeats_nothing(
    cluster: Any, long_study: Study, tmp_path: Path
) -> None:
    plan, store = long_study.plan(check=False), Store(tmp_path / "r")
    for _ in range(2):
        cluster.add_node(num_cpus=1, **SMALL)
    before, killed = dict[str, int](), list[str]()

    def kill() -> None:
        wait_for(lambda: is_amid(store, plan), 300)
        fit = at_work(store, plan)[0]
        host = host_of(cluster, holder(store, fit.id))
        before.update(complete(store))
        killed.append(fit.id)
        cluster.remove_node(host, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    outcome = plan.run(store.root, engine=Ray(address=cluster.address), retries=1, **OPTIONS)
    killer.join()
    assert outcome.good, outcome.status.failures
    assert before.items() <= complete(store).items()
    events = [json.loads(line) for line in store.events(killed[0]).read_text().splitlines()]
    starts = [number for number, event in enumerate(events) if event["event"] == "start"]
    steps = [event["step"] for event in events[starts[-1] :] if event["event"] == "step"]
    assert (len(starts), steps[0] > 1) == (2, True)
    plan.run(tmp_path / "plain", workers=0, **OPTIONS)
    pd.testing.assert_frame_equal(records(tmp_path / "plain"), records(store.root))
    for host in list(cluster.worker_nodes):
        cluster.remove_node(host)


def test_a_head_that_is_killed_and_started_again_is_found_again(
    long_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that stays away ends the run with one error; any engine goes on with nothing lost."""
    quieten(monkeypatch)
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "5")
    plan, store = long_study.plan(check=False), Store(tmp_path / "r")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    heads = [start_cluster(num_cpus=1, gcs_server_port=port)]
    before: list[dict[str, int]] = []

    def kill() -> None:
        wait_for(lambda: is_amid(store, plan), 300)
        before.append(complete(store))
        heads[-1].remove_node(heads[-1].head_node, allow_graceful=False)

    with ThreadPoolExecutor(1) as beside:
        engine = Ray(address=heads[0].address, patience=90.0)
        run = beside.submit(plan.run, store.root, engine=engine, **OPTIONS)
        kill()
        heads.append(start_cluster(num_cpus=1, gcs_server_port=port))
        wait_for(lambda: len(complete(store)) > len(before[0]), 300)
        kill()
        with pytest.raises(StoreError, match=rf"at .*:{port} went away and did not come back: no Ray"):
            run.result()
    assert len(before[1]) > len(before[0])
    assert not store.broken()
    outcome = plan.run(store.root, workers=0, **OPTIONS)
    assert outcome.good, outcome.status.failures
    assert {**before[0], **before[1]}.items() <= complete(store).items()
    plan.run(tmp_path / "plain", workers=0, **OPTIONS)
    pd.testing.assert_frame_equal(records(tmp_path / "plain"), records(store.root))


@pytest.mark.parametrize(("signal_number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_runner_that_ends_leaves_no_worker_behind(
    cluster: Any, long_study: Study, tmp_path: Path, signal_number: int, status: int
) -> None:
    """After Ctrl-C there is a checkpoint, and the lease is given back."""
    plan, store = long_study.plan(check=False), Store(tmp_path / "r")
    node = cluster.add_node(num_cpus=1, **SMALL)
    (tmp_path / "study.yaml").write_text(long_study.to_yaml(), encoding="utf-8")
    command = [sys.executable, "-m", "layerlab", "run", str(tmp_path / "study.yaml"), "--device", "cpu"]
    command += ["--results", str(store.root), "--engine", "ray", "--address", cluster.address]
    runner = subprocess.Popen(command, env=quiet_environment(None), stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: any(is_held(store.lease(fit.id)) for fit in plan.fits), 300)
        fit = next(fit for fit in plan.fits if is_held(store.lease(fit.id)))
        wait_for(lambda: b'"step"' in store.events(fit.id).read_bytes(), 300)
        worker = holder(store, fit.id)
        runner.send_signal(signal_number)
        _, said = runner.communicate(timeout=120)
    finally:
        runner.kill()
    assert runner.returncode == status, said
    wait_for(lambda: not born(worker), 60)
    assert not is_held(store.lease(fit.id))
    if signal_number == signal.SIGINT:
        assert "interrupted; the same command goes on from here" in said
        assert has_checkpoint(store.work(fit.id))
    cluster.remove_node(node)


def test_ray_never_holds_more_units_than_there_is_room_for(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty units, room for two; one that kills its process takes nothing else down."""
    (tmp_path / "sayings.py").write_text(SAYING, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    saying = importlib.import_module("sayings").Saying
    node = cluster.add_node(num_cpus=2, **SMALL)
    cluster.wait_for_nodes(timeout=120)  # and for those of other tests to be gone
    store, settings = Store(tmp_path / "r"), WorkSettings(device="cpu")
    store.write_manifest({"study": "small", "nodes": {}, "imports": ["sayings"]})
    nodes = [saying(f"n{number:02d}", "dies" if number == 7 else "") for number in range(40)]
    for item in nodes:
        write_node(store, item)
    engine, held = Ray(address=cluster.address)(store, settings), list[int]()
    assert isinstance(engine, RayEngine)
    start = engine.start

    def start_and_count(slot: int, unit: Unit) -> None:
        start(slot, unit)
        held.append(len(engine.running))

    monkeypatch.setattr(engine, "start", start_and_count)
    schedule(store, make_units(nodes, lambda item: False, settings), engine)
    assert (len(held), max(held)) == (40, 2)
    notes = [json.loads(path.read_text())["node"] for path in store.root.glob("sayings/*/record.json")]
    assert len(notes) == 39
    assert len({note["pid"] for note in notes}) == 3  # two workers, and one in the place of the dead one
    failure = store.read_failure("n07")
    assert failure is not None
    assert "the worker died of the end of its process on " in failure["message"]
    assert failure["message"].endswith(": about n07")
    cluster.remove_node(node)


def test_a_cluster_that_is_not_there_or_too_small_is_an_error(cluster: Any, tmp_path: Path) -> None:
    store, settings = Store(tmp_path), WorkSettings(device="cpu")
    with pytest.raises(StoreError, match=r"no Ray cluster answers at 127\.0\.0\.1:9"):
        Ray(address="127.0.0.1:9")(store, settings)
    with pytest.raises(StoreError, match=r"no host .* a worker of 64 cores, 0 GPUs; there are .*: 0 CPU"):
        Ray(address=cluster.address, cores=64)(store, settings)
    assert not list((tmp_path / "logs").glob("*.proof"))
