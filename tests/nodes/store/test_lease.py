from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from layerlab.nodes.store import lease
from layerlab.nodes.store.lease import claim, is_held
from layerlab.nodes.store.lock import lock_of, locked
from layerlab.processes import mark, neighbourhood


def test_a_claim_excludes_another_until_it_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "leases" / "a"
    with claim(path) as first:
        assert first
        assert is_held(path)
        with claim(path) as second:
            assert not second
        assert is_held(path)
    assert not path.exists()
    with claim(path) as again:
        assert again


def test_the_lease_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "a"
    program = (
        "import os, sys; from pathlib import Path; from layerlab.nodes.store.lease import claim\n"
        "with claim(Path(sys.argv[1])) as mine:\n    assert mine\n    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert path.exists()
    assert not is_held(path)
    with claim(path) as mine:
        assert mine


def hold_elsewhere(path: Path, where: str, silent: float = 0.0) -> None:
    """Leave a lease of a process that this one does not see, which was last heard of a while ago."""
    holder = {"where": where, "pid": 2**22 + 1, "born": "1", "token": "t"}
    path.write_text(json.dumps(holder), encoding="utf-8")
    then = time.time() - silent
    os.utime(path, (then, then))


@pytest.mark.parametrize(
    "where",
    [
        "elsewhere boot pid:[1]",
        neighbourhood().replace("pid:[", "pid:[7"),
        " ".join([*neighbourhood().split()[:1], "another-boot", *neighbourhood().split()[2:]]),
    ],
    ids=["host", "container", "boot"],
)
def test_a_holder_that_is_not_seen_keeps_its_lease_while_its_heart_beats(tmp_path: Path, where: str) -> None:
    """Containers may share a host name: a process id of one says nothing in another."""
    assert where != neighbourhood()
    path = tmp_path / "a"
    hold_elsewhere(path, where)
    assert is_held(path)
    with claim(path) as mine:
        assert not mine
    hold_elsewhere(path, where, lease.STALE_SECONDS + 1)
    assert not is_held(path)
    with claim(path) as mine:
        assert mine


def test_a_lease_of_an_older_version_is_judged_by_its_heartbeat(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(json.dumps({"host": "h", "pid": 1, "born": "1", "token": "t"}), encoding="utf-8")
    assert is_held(path)
    long_ago = time.time() - lease.STALE_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    assert not is_held(path)


@pytest.mark.parametrize("ahead", [130.0, 86400.0, -86400.0])
def test_a_wrong_clock_of_this_host_takes_no_living_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    """Heartbeats are compared with the clock of the file system that dates them."""
    path, right = tmp_path / "a", time.time
    hold_elsewhere(path, "elsewhere", 1.0)
    hold_elsewhere(tmp_path / "b", "elsewhere", lease.STALE_SECONDS + 1)
    monkeypatch.setattr(time, "time", lambda: right() + ahead)
    assert is_held(path)
    assert not is_held(tmp_path / "b")


def test_a_holder_that_lost_its_lease_knows_and_leaves_the_other_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with claim(path) as first:
        assert first is not None
        assert not first.is_lost
        path.unlink()  # as if this process had been stopped for long
        assert first.is_lost
        hold_elsewhere(path, "elsewhere")
        before = path.stat().st_mtime
        os.utime(first.descriptor)
        assert first.is_lost
    assert path.stat().st_mtime == before
    assert is_held(path)


def test_a_lease_is_given_back_though_somebody_has_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "_PATIENCE", 0.01)
    path = tmp_path / "a"
    with locked(lock_of(tmp_path), 0.0) as locking:
        assert locking
        with claim(path) as mine:
            assert mine
            assert is_held(path)
        assert not is_held(path)
        with claim(path) as mine:
            assert not mine
    with claim(path) as mine:
        assert mine
    assert not path.exists()


def test_a_draft_of_a_killed_claim_is_removed_by_the_next_that_takes_over(tmp_path: Path) -> None:
    hold_elsewhere(tmp_path / "a", "elsewhere", lease.STALE_SECONDS + 1)
    draft = tmp_path / f".tmp-{mark()}-{2**22 + 1}-0123abcd-a"
    draft.touch()
    with claim(tmp_path / "a") as mine:
        assert mine
    assert not draft.exists()


def stress(folder: Path, n_processes: int, seconds: float) -> dict[str, int]:
    """Let processes claim leases, and die with them, for a while; return what they counted."""
    script = Path(__file__).with_name("lease_stress.py")
    command = [sys.executable, str(script), str(folder), str(n_processes), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name: int(count) for name, _, count in (part.partition("=") for part in done.stdout.split())}


def test_no_two_processes_hold_a_lease_though_holders_die(tmp_path: Path) -> None:
    counted = stress(tmp_path, 4, 1.5)
    assert counted["violations"] == 0
    assert counted["deaths"] > 0
    assert counted["claims"] > counted["deaths"]


@pytest.mark.slow
def test_no_two_of_many_processes_hold_a_lease_though_holders_die(tmp_path: Path) -> None:
    counted = stress(tmp_path, 8, 30.0)
    assert counted["violations"] == 0
    assert counted["deaths"] > 10


def test_of_many_processes_that_take_over_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("torn", encoding="utf-8")
    long_ago = time.time() - lease.STALE_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    program = (
        "import sys, time; from pathlib import Path; from layerlab.nodes.store.lease import claim\n"
        "while time.time() < float(sys.argv[2]): pass\n"
        "with claim(Path(sys.argv[1])) as mine:\n    print(int(mine is not None)); time.sleep(0.5)\n"
    )
    start = str(time.time() + 1.0)
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(path), start], stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    won = [process.communicate()[0].strip() for process in processes]
    assert won.count("1") == 1


def test_a_link_whose_answer_was_lost_is_a_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS tries again what it got no answer to, and then says that the name is there."""
    link = os.link

    def lossy(source: Path, target: Path) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr("layerlab.nodes.store.lease.os.link", lossy)
    with claim(tmp_path / "leases" / "a") as lease:
        assert lease is not None
        with claim(tmp_path / "leases" / "a") as other:
            assert other is None
    assert not (tmp_path / "leases" / "a").exists()
