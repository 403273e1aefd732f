"""Hosts with results directories of their own share a study through an object store."""

from __future__ import annotations

import json
import os
import random
import signal
from pathlib import Path

import pytest

from layerlab.analysis.records.tidy import load_records
from layerlab.errors import StoreError
from layerlab.nodes.jobs import job_of
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.mirror import lease
from layerlab.nodes.store.mirror.mirror import Mirror, mirror_of, open_mirror
from layerlab.nodes.store.store import Store
from layerlab.nodes.worker import run_nodes
from layerlab.study.runner import Outcome
from layerlab.study.study import Study
from tests.fixtures.forks import fork, fork_command
from tests.fixtures.studies import make_study


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"file://{tmp_path}/bucket"


def run(study: Study, folder: Path, url: str, **options: object) -> Outcome:
    return study.plan().run(folder, workers=0, device="cpu", progress=False, mirror=url, **options)


def starts(*folders: Path) -> list[str]:
    """List the nodes that were begun, once for each time."""
    events = [path for folder in folders for path in folder.glob("events/*.jsonl")]
    lines = [(path.stem, json.loads(line)) for path in events for line in path.read_text().splitlines()]
    return sorted(name for name, event in lines if event["event"] == "start")


def test_what_one_host_has_done_the_other_does_not_do_again(study: Study, tmp_path: Path, url: str) -> None:
    one, other, plain = tmp_path / "one", tmp_path / "other", tmp_path / "plain"
    half = study.model_copy(update={"seeds": (0,)})
    assert run(half, one, url).good
    assert run(study, other, url).good
    assert study.plan().run(plain, workers=0, device="cpu", progress=False).good
    assert len(starts(one, other)) == len(starts(plain)) == len(study.plan().nodes)
    assert (other / "records.csv").read_bytes() == (plain / "records.csv").read_bytes()
    assert run(study, one, url).n_new == 0
    assert (one / "records.csv").read_bytes() == (plain / "records.csv").read_bytes()


def test_results_are_read_at_the_url(study: Study, tmp_path: Path, url: str) -> None:
    assert run(study, tmp_path / "one", url).good
    here, there = load_records(tmp_path / "one"), load_records(f"{tmp_path}/bucket")
    assert here.equals(there)


def test_a_directory_keeps_its_mirror_and_has_one(study: Study, tmp_path: Path, url: str) -> None:
    half = study.model_copy(update={"seeds": (0,)})
    assert run(half, tmp_path / "one", url).good
    assert study.plan().run(tmp_path / "one", workers=0, device="cpu", progress=False).good
    store, mirror = Store(tmp_path / "one"), mirror_of(Store(tmp_path / "one"))
    assert mirror is open_mirror(url)
    for kind in ("fit", "run"):
        assert {path.name for path in (tmp_path / f"bucket/{kind}s").iterdir()} == store.done(kind)
    with pytest.raises(StoreError, match=f"has its mirror at {url}, not at {url}-2"):
        run(study, tmp_path / "one", f"{url}-2")
    with pytest.raises(StoreError, match="holds the results of the study 'small', this is 'large'"):
        run(study.model_copy(update={"name": "large"}), tmp_path / "large", url)


def test_weights_come_when_something_needs_them(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path, url: str
) -> None:
    study = make_study(treebanks, tiny_encoder, seeds=[0])
    before = study.model_copy(update={"ablations": study.ablations[:1]})
    assert run(before, tmp_path / "one", url, keep="all").good
    assert run(study, tmp_path / "other", url).good
    fits = {path.name for path in (tmp_path / "one/fits").iterdir()}
    assert not fits & set(starts(tmp_path / "other"))


def test_what_was_damaged_on_the_way_is_made_again(study: Study, tmp_path: Path, url: str) -> None:
    assert run(study, tmp_path / "one", url).good
    heads = sorted((tmp_path / "bucket").glob("fits/*/head.safetensors"))
    data = bytearray(heads[0].read_bytes())
    data[-1] ^= 1
    heads[0].write_bytes(data)
    records = sorted((tmp_path / "bucket").glob("runs/*/record.json"))
    records[0].write_bytes(records[0].read_bytes()[:100])
    assert run(study, tmp_path / "other", url).good
    again = set(starts(tmp_path / "other"))
    assert records[0].parent.name in again
    assert again <= {heads[0].parent.name, records[0].parent.name}
    name = "records.csv"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_two_hosts_at_once_share_the_work(study: Study, tmp_path: Path, url: str) -> None:
    (tmp_path / "study.yaml").write_text(study.to_yaml(), encoding="utf-8")
    words = ["run", tmp_path / "study.yaml", "--device", "cpu", "--workers", 0, "--mirror", url]
    names = ("one", "other")
    hosts = [fork_command(*words, "--no-report", "--results", tmp_path / name) for name in names]
    for host in hosts:
        host.join(300)
    assert [host.exitcode for host in hosts] == [0, 0]
    begun = starts(tmp_path / "one", tmp_path / "other")
    assert len(begun) == len(set(begun)) == len(study.plan().nodes)
    assert (tmp_path / "one/records.csv").read_bytes() == (tmp_path / "other/records.csv").read_bytes()


def test_a_worker_on_a_host_without_the_plan_gets_it(study: Study, tmp_path: Path, url: str) -> None:
    plan = study.plan()
    assert run(study.model_copy(update={"seeds": (0,)}), tmp_path / "one", url).good
    mirror = open_mirror(url)
    mirror.send_plan(Store(tmp_path / "one"), map(job_of, plan.nodes))
    elsewhere = tmp_path / "elsewhere"
    nodes = [one.id for one in plan.nodes]
    assert run_nodes(elsewhere, nodes, WorkSettings(device="cpu", mirror=url))
    assert set(starts(elsewhere)) == {one.id for one in plan.nodes} - set(starts(tmp_path / "one"))
    with pytest.raises(StoreError, match="empty holds no study; `layerlab run STUDY --mirror URL` puts it"):
        run_nodes(tmp_path / "none", nodes, WorkSettings(device="cpu", mirror=f"file://{tmp_path}/empty"))


def test_a_mirror_that_is_not_reached_is_an_error_before_and_a_note_after(
    study: Study,
    tmp_path: Path,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever kind of error a package of a file system has for a network that is down."""
    half = study.model_copy(update={"seeds": (0,)})

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no route to host")

    def unreached(*_: object) -> None:
        raise OSError("no route to host")

    files = type(open_mirror(url).remote.files)
    with monkeypatch.context() as patch:
        patch.setattr(files, "find", fail)
        with pytest.raises(StoreError, match=f"the mirror at {url} cannot be used: {url}: no route to host"):
            run(half, tmp_path / "one", url)
    with monkeypatch.context() as patch:
        patch.setattr(Mirror, "send", unreached)
        assert run(half, tmp_path / "one", url).good
    assert "is not copied to" in capsys.readouterr().err
    assert run(half, tmp_path / "one", url).n_new == 0
    assert {path.name for path in (tmp_path / "bucket/runs").iterdir()} == Store(tmp_path / "one").done("run")


@pytest.mark.slow
def test_hosts_that_are_killed_lose_nothing(
    study: Study, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, plain = study.plan(), tmp_path / "plain"
    assert plan.run(plain, workers=0, device="cpu", progress=False).good
    monkeypatch.setattr(lease, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(lease, "STALE_SECONDS", 2.0)
    chance = random.Random(0)

    def carry_out(folder: Path) -> None:
        done = plan.run(
            folder, workers=0, device="cpu", progress=False, mirror=url, checkpoint_seconds=0.05, keep="all"
        )
        os._exit(0 if done.good else 1)

    folders, kills = (tmp_path / "one", tmp_path / "other"), 0
    for turn in range(9):
        hosts = [fork(carry_out, folder) for folder in folders]
        for host in hosts:
            host.join(chance.uniform(0.1, 0.8) if turn < 8 else 300)
            if turn < 8 and host.exitcode is None:
                host.kill()
                kills += 1
        for host in hosts:
            host.join(300)
            assert host.exitcode in (0, -signal.SIGKILL)
    assert [host.exitcode for host in hosts] == [0, 0]
    assert kills > 5
    for folder in folders:
        assert (folder / "records.csv").read_bytes() == (plain / "records.csv").read_bytes()
        assert not Store(folder).broken()
