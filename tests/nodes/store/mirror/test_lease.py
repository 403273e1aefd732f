"""A lease in an object store is one process's, shows that its holder lives, and goes to others if not."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import pytest

from layerlab.nodes.store.lease import LeaseLost, check_held
from layerlab.nodes.store.mirror import lease
from layerlab.nodes.store.mirror.lease import Observed, claim_remote
from layerlab.nodes.store.mirror.remote import Remote, open_remote


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return open_remote(f"file://{tmp_path}")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hearts beat fast, and silence is short."""
    monkeypatch.setattr(lease, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.6)


def until_stale(observed: Observed, node_id: str) -> None:
    deadline = time.monotonic() + 10
    while node_id in observed.held():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_one_holds_it_at_a_time(remote: Remote) -> None:
    one, other = Observed(remote), Observed(remote)
    with claim_remote(one, "ab") as mine:
        assert mine is not None
        mine.look()
        assert other.held() == {"ab"}
        with claim_remote(other, "ab") as theirs:
            assert theirs is None
        with claim_remote(other, "cd") as another:
            assert another is not None
    assert other.held() == frozenset()
    assert remote.signs("") == {}
    with claim_remote(other, "ab") as theirs:
        assert theirs is not None


@pytest.mark.usefixtures("quick")
def test_a_holder_that_lives_keeps_it(remote: Remote) -> None:
    other = Observed(remote)
    with claim_remote(Observed(remote), "ab") as mine:
        assert mine is not None
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            assert other.held() == {"ab"}
            time.sleep(0.05)
        mine.look()


@pytest.mark.usefixtures("quick")
def test_one_that_is_silent_loses_it(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease.RemoteLease, "beat", lambda self: None)
    other = Observed(remote)
    with claim_remote(Observed(remote), "ab") as stopped:
        assert stopped is not None
        until_stale(other, "ab")
        with claim_remote(other, "ab") as mine:
            assert mine is not None
            assert mine.number == stopped.number + 1
            with pytest.raises(LeaseLost, match="the lease of ab at file://.* was taken over"):
                stopped.look()
            assert stopped.is_lost
            mine.look()
        with pytest.raises(LeaseLost, match="taken over"):
            check_held(stopped)
        with claim_remote(other, "ab") as again:
            assert again is not None
            with pytest.raises(LeaseLost, match="taken over"):
                stopped.look()
    # The one that lost it has removed nothing of the others.
    assert remote.signs("") == {}


@pytest.mark.usefixtures("quick")
def test_a_holder_without_network_gives_it_up(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    with claim_remote(Observed(remote), "ab") as mine:
        assert mine is not None

        def fail(*_: object) -> None:
            raise OSError("no route to host")

        monkeypatch.setattr(Remote, "write", fail)
        deadline = time.monotonic() + 10
        while not mine.is_lost:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        monkeypatch.undo()


def test_under_a_storm_of_claims_nobody_works_beside_another(remote: Remote) -> None:
    at_work, most, done, lock = 0, 0, 0, Lock()

    def work(_: int) -> None:
        nonlocal at_work, most, done
        observed = Observed(remote)
        while done < 30:
            with claim_remote(observed, "ab") as mine:
                if mine is None:
                    continue
                with lock:
                    at_work += 1
                    most = max(most, at_work)
                time.sleep(0.001)
                with lock:
                    at_work -= 1
                    done += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert most == 1
