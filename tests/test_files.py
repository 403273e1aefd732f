from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from layerlab.errors import CheckpointError, DataError, LayerlabError
from layerlab.files import (
    digest_file,
    digest_values,
    partials,
    publishing,
    read_json,
    read_text,
    replacing,
    write_json,
    write_text,
)


def test_text_loses_its_byte_order_mark_and_the_ends_of_windows_lines(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfriba\r\nsova\n")
    assert read_text(tmp_path / "a") == "riba\nsova\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a\nb\xe9\n", r"a:2: not UTF-8 \(byte 0xe9\)"),
        ("riba".encode("utf-16"), "a: UTF-16 text; expected UTF-8"),
        (b"a\nb\0\n", "a:2: holds a NUL character"),
        (b"\xed\xa0\xbd", "a:1: not UTF-8"),
    ],
)
def test_what_is_no_text_is_an_error_with_its_line(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_text(tmp_path / "a")


@pytest.mark.parametrize(
    ("name", "message"), [("none", r"cannot be read \(no such file\)"), (".", r"cannot be read \(Is a dir")]
)
def test_what_is_no_file_is_an_error_of_the_kind_that_is_asked_for(
    tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        read_text(tmp_path / name, CheckpointError)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "b": ', r"a:2: not JSON .* cut off"),
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON"),
    ],
)
def test_json_that_cannot_be_read_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a").write_text(text)
    with pytest.raises(LayerlabError, match=message):
        read_json(tmp_path / "a")


def test_json_is_written_and_read_back(tmp_path: Path) -> None:
    write_json(tmp_path / "deep" / "a.json", {"šum": [1, None]})
    assert "šum" in (tmp_path / "deep" / "a.json").read_text(encoding="utf-8")
    assert read_json(tmp_path / "deep" / "a.json") == {"šum": [1, None]}


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")

    def write_half() -> None:
        with replacing(tmp_path / "a.txt") as beside:
            beside.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_half()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_appears_when_it_is_filled(tmp_path: Path) -> None:
    with publishing(tmp_path / "out") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "a").write_text("a")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "deep" / "a").read_text() == "a"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_was_completed_meanwhile_stays(tmp_path: Path) -> None:
    with publishing(tmp_path / "out", marker="done") as folder:
        (folder / "done").write_text("mine")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "done").write_text("theirs")
    assert (tmp_path / "out" / "done").read_text() == "theirs"


def test_a_folder_with_something_else_in_it_is_not_replaced(tmp_path: Path) -> None:
    def publish() -> None:
        with publishing(tmp_path / "out", marker="done") as folder:
            (folder / "done").write_text("mine")
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "other").write_text("theirs")

    with pytest.raises(OSError, match="not empty"):
        publish()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_process_left_of_a_folder_is_removed_by_the_next_one(tmp_path: Path) -> None:
    program = f"""
import os
from layerlab.files import publishing
held = [publishing({str(tmp_path)!r} + "/" + name) for name in ("out", "not-out")]
for one in held:
    one.__enter__()
os._exit(1)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    assert len(partials(tmp_path / "out")) == 1
    with publishing(tmp_path / "out"):
        assert len(partials(tmp_path / "out")) == 1
    assert partials(tmp_path / "out") == []
    assert len(partials(tmp_path / "not-out")) == 1


def test_a_file_is_digested_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("a")
    first = digest_file(path)
    assert first == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    path.write_text("b")
    os.utime(path, ns=(1, 1))
    assert digest_file(path) != first


def test_the_digest_of_values_depends_on_their_order_and_takes_half_characters() -> None:
    assert digest_values([("a",), ("b",)]) != digest_values([("b",), ("a",)])
    assert digest_values([("sova", 1, None)]) == "37a7c37647296a10"
    assert len(digest_values([chr(0xD83D)])) == 16
