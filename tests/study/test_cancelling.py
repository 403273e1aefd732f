"""What runs for a results directory is ended from another process, and goes on from where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from layerlab.nodes.jobs import write_node
from layerlab.nodes.store.events import last_event
from layerlab.nodes.store.lease import claim, is_held
from layerlab.nodes.store.runners import Cancelled, announced, drop_requests, find_runners
from layerlab.nodes.store.store import Store
from layerlab.study.cancelling import Ending, cancel
from layerlab.study.directory.status import read_status
from layerlab.study.study import Study
from tests.fixtures.command_line import Call
from tests.nodes.test_joining import wait_for


def make_long(study: Study) -> Study:
    """Return a study of one fit that takes minutes."""
    training = study.training_for("upos").model_copy(update={"epochs": 2000})
    changes = {"seeds": (0,), "ablations": study.ablations[:1], "targets": ("bb",), "training": training}
    return study.model_copy(update=changes)


def is_training(store: Store, fit_id: str) -> bool:
    return ((last_event(store.events(fit_id)) or {}).get("step") or 0) > 0


def test_a_runner_and_its_workers_are_cancelled_from_another_process(
    study: Study, tmp_path: Path, call: Call
) -> None:
    """The fit leaves a checkpoint and no process is left."""
    long, path, store = make_long(study), tmp_path / "study.yaml", Store(tmp_path / "r")
    path.write_text(long.to_yaml(), encoding="utf-8")
    plan, there = long.plan(check=False), ("--results", store.root)
    command = [sys.executable, "-m", "layerlab", "run", path, *there, "--device", "cpu", "--workers", "1"]
    runner = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    (fit,), place = plan.fits, f"process {runner.pid} on {os.uname().nodename}"
    try:
        wait_for(lambda: is_training(store, fit.id), 300)
        assert f"  runner   engine local, {place}\n" in call("status", path, *there)[1]
        code, out, err = call("cancel", path, *there)
        assert code == 0, out + err
        assert out.splitlines() == [
            f"stopped    engine local, {place}",
            f"resumable  {fit.title}: goes on at its checkpoint",
            f"0/1 runs, 0/1 fits complete in {store.root}; `layerlab run` goes on with the rest",
        ]
        assert "cancelled by another process; the same command goes on" in runner.communicate(timeout=120)[1]
        assert runner.returncode == 130
    finally:
        runner.kill()
        runner.wait()
    assert (store.work(fit.id) / "checkpoint.safetensors").is_file()
    assert not is_held(store.lease(fit.id))
    code, out, _ = call("cancel", store.root)
    assert (code, out.splitlines()[0]) == (0, "nothing runs")


def test_a_fit_in_the_process_of_its_runner_leaves_a_checkpoint(study: Study, tmp_path: Path) -> None:
    long, store, endings = make_long(study), Store(tmp_path), []
    plan = long.plan(check=False)

    def end() -> None:
        wait_for(lambda: is_training(store, plan.fits[0].id), 300)
        endings.append(cancel(store))

    other = threading.Thread(target=end)
    other.start()
    with pytest.raises(Cancelled, match="stopped by `layerlab cancel`"):
        plan.run(tmp_path, workers=0, device="cpu", progress=False)
    other.join()
    assert endings[0].resumable == (f"{plan.fits[0].title}: goes on at its checkpoint",)
    assert read_status(plan, store).active == ()


def test_where_ctrl_c_is_ignored_a_request_is_heard(tmp_path: Path) -> None:
    """As in the background of a script; Ctrl-C stays ignored."""
    store = Store(tmp_path)

    def hear() -> None:
        with announced(store, "a test"):
            os.kill(os.getpid(), signal.SIGINT)
            find_runners(store)[0].ask_to_stop()
            time.sleep(30)

    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(Cancelled, match="stopped by `layerlab cancel`"):
            hear()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)
    assert find_runners(store) == []
    assert list((tmp_path / "runners").iterdir()) == []


def test_ctrl_c_is_no_request(tmp_path: Path) -> None:
    def hear() -> None:
        with announced(Store(tmp_path), "a test"):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(30)

    # Processes of the background ignore the signal, and so would these tests.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt, match="^$") as caught:
            hear()
    finally:
        signal.signal(signal.SIGINT, usual)
    assert not isinstance(caught.value, Cancelled)


def test_a_lease_of_no_node_is_passed_over(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with claim(store.lease("feedbeef")):
        assert cancel(store) == Ending((), (), ())


def test_what_does_not_end_is_named(study: Study, tmp_path: Path) -> None:
    """A runner that hears nothing, as one in a thread, and work that belongs to no runner."""
    store, ended = Store(tmp_path), threading.Event()

    def work() -> None:
        with announced(store, "engine of a thread"):
            ended.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    wait_for(lambda: find_runners(store) != [])
    ending = cancel(store, patience=0.1)
    assert ending.stopped == ()
    assert ending.left == (
        f"engine of a thread, process {os.getpid()} on {os.uname().nodename} does not answer",
    )
    ended.set()
    thread.join()
    drop_requests(store)
    assert list((tmp_path / "runners").iterdir()) == []
    fit = study.plan(check=False).fits[0]
    write_node(store, fit)
    with claim(store.lease(fit.id)):
        (left,) = cancel(store).left
    assert left == f"{fit.title}: process {os.getpid()} on {os.uname().nodename} is at it, without a runner"
