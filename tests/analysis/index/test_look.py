"""An index of records gives what the records give, whatever happens to either."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.analysis.index import look
from layerlab.analysis.index.entry import entry_of
from layerlab.analysis.index.file import INDEX, VERSION, Index, read_index, write_index
from layerlab.analysis.index.look import look_at_nodes
from layerlab.analysis.records.nodes import load_nodes
from layerlab.analysis.records.spread import record_rows
from layerlab.analysis.records.tidy import load_records, validate_records
from layerlab.analysis.stored.naming import pack_columns
from layerlab.analysis.stored.record import Manifest, Record, ScoreRow, Stored
from layerlab.analysis.stored.seal import RECORD, seal

SEEDS = range(3)


@pytest.fixture(autouse=True)
def small_stores_have_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "WORTH_WRITING", 1)
    monkeypatch.setattr(look, "_SETTLED", -(10**18))  # records of just now are taken


def write_node(store: Path, kind: str, node_id: str, draw: random.Random) -> None:
    """Write a node of random content, as some version of layerlab might have."""
    folder = store / f"{kind}s" / node_id
    folder.mkdir(parents=True, exist_ok=True)
    about: dict[str, Any] = {
        "study": "s", "fit_id": "f", "model": "m", "task": "upos", "phase": "none", "intervention": "none",
        "ablation": draw.choice(["none", "reset(0)@before", "=1+1", "žž"]), "layers": draw.choice(["", "3"]),
        "first_layer": draw.choice([None, -1, 0]), "last_layer": None, "source": "en",
        "seed": draw.choice([0, 2**63 - 1, -5]),
    }  # fmt: skip
    if draw.random() < 0.7:
        about |= {"main_metric": "accuracy", "donor": "", "sweep": "", "options": "[]"}
    targets = draw.sample(["en", "nan", "no", "de", "中文"], draw.randrange(5))
    scores = [
        ScoreRow(
            target=target,
            split="test",
            metric=draw.choice(["accuracy", "cka"]),
            value=draw.choice([None, 0.1 + 0.2, draw.random()]),
            n=draw.choice([None, 7]),
            layer=draw.choice([None, 3]),
            floor=draw.choice([None, 0.25]),
        )
        for target in targets
    ]
    facts = {"seconds": draw.random(), "versions": {"torch": "2.6"}, "receipts": [{"n": draw.randrange(9)}]}
    (folder / "labels.json").write_text("[]" * draw.randrange(1, 9))
    Record(
        kind=kind, id=node_id, about=about, facts=facts, scores=tuple(scores if kind == "run" else ())
    ).write(folder)
    if draw.random() < 0.8:  # records of older versions have no seal
        seal(folder)


def make_store(store: Path, seed: int, n: int = 12) -> Path:
    draw = random.Random(seed)
    ids = {kind: [f"{kind}{number}" for number in range(n)] for kind in ("fit", "run")}
    for kind, names in ids.items():
        for name in names:
            if draw.random() < 0.9:
                write_node(store, kind, name, draw)
    renamed = {
        name: {"study": "new", "model": draw.choice(["a", "b"])} for name in draw.sample(ids["run"], 4)
    }
    manifest = {"study": "s", "nodes": ids, "columns": pack_columns(renamed)}
    (store / "manifest.json").write_text(json.dumps(manifest))
    return store


def plain_records(store: Path) -> pd.DataFrame:
    """Read the complete runs of the plan one by one, without an index."""
    manifest = Manifest.read(store)
    rows = []
    for node_id in manifest.nodes["run"]:
        folder = store / "runs" / node_id
        if look_at_nodes(store, [("run", node_id)], anew=True).complete:
            rows += record_rows(Stored("run", folder, manifest.columns.get(node_id, {})).read())
    return validate_records(pd.DataFrame(rows, dtype=object))


def change(store: Path, draw: random.Random) -> None:
    """Replace, add, remove and damage some of the nodes."""
    for folder in draw.sample(sorted((store / "runs").iterdir()), 4):
        what = draw.choice(["replace", "remove", "damage", "cut a file"])
        if what == "replace":
            write_node(store, "run", folder.name, draw)
        elif what == "remove":
            shutil.rmtree(folder)
        elif what == "damage":
            data = bytearray((folder / RECORD).read_bytes())
            data[len(data) // 2] ^= 1
            (folder / RECORD).write_bytes(data)
        else:
            (folder / "labels.json").write_text("[")
    for number in range(12):
        if not (store / "fits" / f"fit{number}").exists():
            write_node(store, "fit", f"fit{number}", draw)


@pytest.mark.filterwarnings("ignore:.*is left out")
@pytest.mark.parametrize("seed", SEEDS)
def test_an_index_gives_what_the_records_give(tmp_path: Path, seed: int) -> None:
    store, draw = make_store(tmp_path, seed), random.Random(-seed - 1)
    for _ in range(2):
        (store / INDEX).unlink(missing_ok=True)
        plain, nodes = plain_records(store), load_nodes(store)
        (store / INDEX).unlink()
        for _ in range(2):  # cold, then by the index
            pd.testing.assert_frame_equal(load_records(store), plain, check_like=True)
            pd.testing.assert_frame_equal(load_nodes(store), nodes)
        change(store, draw)
        pd.testing.assert_frame_equal(load_records(store), plain_records(store))


def test_records_that_did_not_change_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(tmp_path, 0)
    frame = load_records(store)
    read: list[str] = []

    def reading(kind: str, folder: Path, *rest: Any) -> Any:
        read.append(folder.name)
        return entry_of(kind, folder, *rest)

    monkeypatch.setattr(look, "entry_of", reading)
    pd.testing.assert_frame_equal(load_records(store), frame)
    assert read == []
    done = sorted(one.name for one in (store / "runs").iterdir())
    write_node(store, "run", done[1], random.Random(5))
    load_records(store)
    assert read == [done[1]]


@pytest.mark.filterwarnings("ignore:.*is left out")
def test_damage_is_found_though_the_index_knew_the_record(tmp_path: Path) -> None:
    """A bit flips, with size and time set back; a record goes; a file beside it is cut off."""
    store = make_store(tmp_path, 1)
    load_records(store)
    first, second, third = sorted((store / "runs").iterdir())[:3]
    record = first / RECORD
    data, before = bytearray(record.read_bytes()), record.stat()
    data[len(data) // 2] ^= 1
    record.write_bytes(data)
    os.utime(record, ns=(before.st_atime_ns, before.st_mtime_ns))
    (second / RECORD).unlink()
    seal(third)
    load_records(store)
    size = (third / "labels.json").stat().st_size
    (third / "labels.json").write_text("")
    found = look_at_nodes(store, [("run", one.name) for one in (first, second, third)])
    assert not found.complete
    assert [fault.split(" (")[0] for fault in found.faults.values()] == [
        "record.json is not what was written",
        "there is no record.json",
        f"labels.json has 0 bytes, it was written with {size}",
    ]


def test_an_index_that_is_torn_flipped_or_of_another_version_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(tmp_path, 2)
    frame = load_records(store)
    whole = (store / INDEX).read_bytes()
    draw = random.Random(0)
    harmed = [whole[: draw.randrange(len(whole))] for _ in range(20)] + [b"", b"\0" * 99, whole + b"\0"]
    for _ in range(40):
        flipped = bytearray(whole)
        flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
        harmed.append(bytes(flipped))
    for data in harmed:
        (store / INDEX).write_bytes(data)
        assert read_index(store) is None
    for data in harmed[::9]:
        (store / INDEX).write_bytes(data)
        pd.testing.assert_frame_equal(load_records(store), frame)
        assert read_index(store) is not None
    monkeypatch.setattr("layerlab.analysis.index.file.VERSION", VERSION + 1)
    assert read_index(store) is None


def test_an_index_of_lies_is_not_believed(tmp_path: Path) -> None:
    """One that was copied from another directory has the records of other files."""
    store, other = make_store(tmp_path / "one", 3), make_store(tmp_path / "other", 4)
    frame = load_records(store)
    load_records(other)
    shutil.copyfile(other / INDEX, store / INDEX)
    pd.testing.assert_frame_equal(load_records(store), frame)


def test_a_record_of_just_now_is_not_indexed_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may change once more in the same tick of the clock."""
    monkeypatch.setattr(look, "_SETTLED", 2_000_000_000)
    store = make_store(tmp_path, 0)
    load_records(store)
    assert read_index(store) is None


def test_where_nothing_can_be_written_there_is_no_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(tmp_path, 0)
    frame = load_records(store)
    (store / INDEX).unlink()
    monkeypatch.setattr(look, "clock_of", lambda store: None)
    pd.testing.assert_frame_equal(load_records(store), frame)
    assert not (store / INDEX).exists()


def _read_again_and_again(store: Path, until: float, wrong: Any) -> None:
    while time.time() < until:
        index = (store / INDEX).exists()
        if index and read_index(store) is None:
            wrong.value += 1  # a part of one was seen
        found = look_at_nodes(store, [("run", f"run{number}") for number in range(12)])
        for (_, node_id), one in found.complete.items():
            if one >= 0:
                assert isinstance(found.index, Index)
                row = found.index.table(["id"]).column("id")[one].as_py()
                wrong.value += row != node_id


def test_many_processes_write_the_index_at_once(tmp_path: Path) -> None:
    store = make_store(tmp_path, 1)
    spawn = multiprocessing.get_context("fork")
    wrong, until = spawn.Value("i", 0), time.time() + 1.5
    others = [spawn.Process(target=_read_again_and_again, args=(store, until, wrong)) for _ in range(3)]
    for process in others:
        process.start()
    draw = random.Random(9)
    while time.time() < until:
        write_node(store, "run", f"run{draw.randrange(12)}", draw)
        time.sleep(0.02)
    for process in others:
        process.join(60)
    assert [process.exitcode for process in others] == [0, 0, 0]
    assert wrong.value == 0
    pd.testing.assert_frame_equal(load_records(store), plain_records(store))
    assert not list(store.glob(".tmp-*"))


def test_an_index_is_written_with_what_it_knew_of_other_kinds(tmp_path: Path) -> None:
    store = make_store(tmp_path, 0)
    load_records(store)
    load_nodes(store)
    index = read_index(store)
    assert index is not None
    table = index.table(["kind"])
    assert set(table.column("kind").to_pylist()) == {"fit", "run"}
    write_index(store, index.table())
    again = read_index(store)
    assert again is not None
    assert again.table().equals(index.table())
