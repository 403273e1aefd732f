"""A record says whether it and the files beside it are what was written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from layerlab.analysis.stored.record import Record
from layerlab.analysis.stored.seal import RECORD, changed_files, fault_of, seal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A complete node: a record, two files that were sealed, and a card for readers."""
    made = tmp_path / "fits" / "abc"
    (made / "model").mkdir(parents=True)
    (made / "model" / "weights").write_bytes(bytes(range(100)))
    (made / "model" / "README.md").write_text("A model.")
    (made / "labels.json").write_text("[]")
    Record(kind="fit", id="abc", about={"source": "žž"}, facts={"seconds": 1.5}).write(made)
    seal(made)
    return made


def test_a_sealed_node_is_whole_and_its_record_reads_as_before(folder: Path) -> None:
    assert fault_of(folder) is None
    assert changed_files(folder) == []
    plain = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    assert plain["fit"] == {"source": "žž"}
    assert set(plain["files"]) == {"labels.json", "model/weights"}
    text = (folder / RECORD).read_bytes()
    seal(folder)
    assert (folder / RECORD).read_bytes() == text


def test_every_flipped_bit_of_a_record_is_found(folder: Path) -> None:
    data = (folder / RECORD).read_bytes()
    for place in range(data.index(b'"check"') - len(',\n "')):
        for bit in range(8):
            harmed = bytearray(data)
            harmed[place] ^= 1 << bit
            (folder / RECORD).write_bytes(harmed)
            assert fault_of(folder) == f"{RECORD} is not what was written (its sum differs)"
    for length in range(len(data) - 1):
        (folder / RECORD).write_bytes(data[:length])
        assert fault_of(folder) == f"{RECORD} is cut off or no JSON"


def test_a_changed_file_is_found_by_its_digest_and_by_its_size_at_a_look(folder: Path) -> None:
    (folder / "model" / "weights").write_bytes(bytes(100))
    assert fault_of(folder) is None
    assert changed_files(folder) == ["model/weights"]
    (folder / "model" / "weights").write_bytes(bytes(99))
    assert fault_of(folder) == "model/weights has 99 bytes, it was written with 100"
    (folder / "model" / "weights").unlink()
    assert fault_of(folder) == "model/weights is not there"


def test_what_was_pruned_or_is_for_readers_is_no_damage(folder: Path) -> None:
    (folder / "model" / "README.md").write_text("Another card.")
    assert (fault_of(folder), changed_files(folder)) == (None, [])
    shutil.rmtree(folder / "model")
    assert (fault_of(folder), changed_files(folder)) == (None, [])
    (folder / "labels.json").unlink()
    assert fault_of(folder) == "labels.json is not there"


def test_a_record_without_a_seal_is_taken_as_it_is(folder: Path) -> None:
    """As older versions wrote it, or as somebody wrote it anew."""
    plain = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    (folder / RECORD).write_text(json.dumps({"fit": {}}))
    assert (fault_of(folder), changed_files(folder)) == (None, [])
    (folder / RECORD).write_text(json.dumps(plain))
    (folder / "labels.json").write_text("{}")
    assert (fault_of(folder), changed_files(folder)) == (None, ["labels.json"])
