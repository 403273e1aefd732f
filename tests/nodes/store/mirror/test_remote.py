"""Of all processes one creates a file in an object store, and file systems that cannot say so are refused."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from layerlab.errors import StoreError
from layerlab.nodes.store.mirror.remote import Remote, open_remote


@pytest.fixture(params=["file", "memory"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Remote:
    place = f"{tmp_path}/bucket" if request.param == "file" else f"/{uuid.uuid4().hex}"
    return open_remote(f"{request.param}://{place}")


def test_files_are_written_read_listed_and_removed(remote: Remote, tmp_path: Path) -> None:
    assert remote.read("a/b") is None
    assert remote.signs("a") == {}
    remote.write("a/b", b"one")
    remote.write("a/c/d", b"two")
    assert remote.read("a/b") == b"one"
    assert set(remote.signs("a")) == {"a/b", "a/c/d"}
    (tmp_path / "own").write_bytes(b"three")
    remote.send(tmp_path / "own", "a/own")
    remote.fetch("a/own", tmp_path / "x/copy")
    assert (tmp_path / "x/copy").read_bytes() == b"three"
    remote.remove("a/b")
    remote.remove("a/b")
    assert set(remote.signs("a")) == {"a/c/d", "a/own"}
    with pytest.raises(FileNotFoundError, match="a/none"):
        remote.fetch("a/none", tmp_path / "none")


def test_what_is_written_again_has_another_sign(remote: Remote) -> None:
    remote.write("a", b"1")
    before = remote.signs("")["a"]
    remote.write("a", b"22")
    assert remote.signs("")["a"] != before


def test_a_file_is_created_once(remote: Remote) -> None:
    assert remote.create("lease/1", b"mine")
    assert not remote.create("lease/1", b"other")
    assert remote.read("lease/1") == b"mine"


def test_of_many_at_once_one_creates_it(tmp_path: Path) -> None:
    remote = open_remote(f"file://{tmp_path}")
    with ThreadPoolExecutor(8) as pool:
        for turn in range(40):
            name = f"lease/{turn}"
            won = list(pool.map(lambda me, name=name: remote.create(name, f"{me}".encode()), range(8)))
            assert won.count(True) == 1
            assert remote.read(name) == str(won.index(True)).encode()


def test_where_creation_is_not_by_one_alone_is_refused() -> None:
    with pytest.raises(StoreError, match="cannot be shared through 'http'.*expected one of file, local"):
        open_remote("http://localhost/results")
    with pytest.raises(StoreError, match="nowhere://results cannot be opened"):
        open_remote("nowhere://results")
