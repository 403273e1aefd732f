from __future__ import annotations

import json
from pathlib import Path

import pytest

from layerlab.errors import StoreError
from layerlab.files import write_text
from layerlab.nodes.jobs import read_node, write_node
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.node import read_as
from layerlab.nodes.store.events import last_event, reporter
from layerlab.nodes.store.store import Store
from layerlab.study.study import Study


def publish(store: Store, text: str) -> None:
    with store.publish("run", "abc") as folder:
        (folder / "record.json").write_text(text, encoding="utf-8")


def publish_half(store: Store) -> None:
    with store.publish("run", "abc") as folder:
        (folder / "record.json").write_text("{", encoding="utf-8")
        raise RuntimeError("half-way")


def test_a_node_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(RuntimeError, match="half-way"):
        publish_half(store)
    assert not store.is_done("run", "abc")
    assert list((tmp_path / "runs").iterdir()) == []
    publish(store, "{}")
    assert store.is_done("run", "abc")


def test_of_two_results_of_one_node_the_first_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    publish(store, '{"value": 1}')
    publish(store, '{"value": 2}')
    assert json.loads((store.folder("run", "abc") / "record.json").read_text())["value"] == 1
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["abc"]


def test_what_was_swept_while_its_process_was_stopped_is_not_published_in_part(tmp_path: Path) -> None:
    """The process goes on to write where its folder was; the holder of the lease has removed that."""
    store = Store(tmp_path)

    def publish_late() -> None:
        with store.publish("run", "abc") as folder:
            (folder / "counts.parquet").write_bytes(b"all")
            store.sweep("run", "abc")
            assert not folder.exists()
            write_text(folder / "record.json", "{}")

    with pytest.raises(FileNotFoundError, match="another process has removed it"):
        publish_late()
    assert not store.is_done("run", "abc")
    assert list((tmp_path / "runs").iterdir()) == []
    assert list((tmp_path / "work").iterdir()) == []


def test_jobs_read_back_as_they_were_written(study: Study, tmp_path: Path) -> None:
    store = Store(tmp_path)
    plan = study.plan(check=False)
    for item in plan.nodes:
        assert isinstance(item, Fit | Run)
        write_node(store, item)
    for item in plan.nodes:
        again = read_node(store, item.id)
        assert type(again) is type(item)
        assert (again.id, again.to_json()) == (item.id, item.to_json())
    with pytest.raises(StoreError, match="is a fit, expected a run"):
        read_as(store, plan.fits[0].id, Run)
    with pytest.raises(StoreError, match="knows no node 'feedbeef'"):
        read_node(store, "feedbeef")


def test_a_failure_is_kept_and_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_failure("abc", "fit x", ValueError("too wide"), "Traceback ...")
    failure = store.read_failure("abc")
    assert failure is not None
    assert (failure["error"], failure["message"]) == ("ValueError", "too wide")
    assert (store.failed("abc") / "traceback.txt").read_text(encoding="utf-8") == "Traceback ..."
    store.clear_failure("abc")
    assert store.read_failure("abc") is None


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "manifest.json"
    write_text(path, "old")
    write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "new"
    assert [p.name for p in path.parent.iterdir()] == ["manifest.json"]


def test_the_last_whole_event_is_found_behind_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "events" / "abc.jsonl"
    assert last_event(path) is None
    report = reporter(path)
    report({"event": "step", "step": 3, "steps": 9})
    report({"event": "step", "step": 4, "steps": 9})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"event": "st')
    event = last_event(path)
    assert event is not None
    assert event["step"] == 3, "step events are thinned out in time"
