from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from layerlab.errors import DataError
from layerlab.files import partials
from layerlab.languages.corpora import release
from layerlab.languages.corpora.release import Request, write_languages
from layerlab.languages.world.registers import find_domain

SMALL = Request(
    languages=("avin", "huan"),
    sizes={"train": 20, "dev": 8, "test": 8},
    nli={"test": 6},
    text_sentences=10,
    domains=(find_domain("talk"),),
)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_the_folder_has_what_its_manifest_says_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    first, _ = write_languages(tmp_path / "a", SMALL)
    second, _ = write_languages(tmp_path / "deep" / "b", SMALL)
    assert contents(first) == contents(second)
    manifest = json.loads((first / "manifest.json").read_text(encoding="utf-8"))
    sizes = {name: len(data) for name, data in contents(first).items() if name != "manifest.json"}
    assert manifest["files"] == sizes
    assert manifest["request"]["seed"] == 0
    assert set(manifest["request"]["family"]["languages"]) >= {"avin", "huan"}
    for name in ("avin/train.conllu", "avin-talk/dev.iob2", "huan/test.tsv", "huan-talk.txt"):
        assert name in sizes
    assert {"parallel/test-sentences.tsv", "dictionaries/avin-huan.tsv"} <= set(sizes)


def test_what_is_there_is_not_written_again_and_nothing_else_is_overwritten(tmp_path: Path) -> None:
    folder, new = write_languages(tmp_path / "a", SMALL)
    assert new
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert write_languages(folder, SMALL) == (folder, False)
    with pytest.raises(DataError, match="holds languages written with other seed; remove it"):
        write_languages(folder, Request(**{**SMALL.__dict__, "seed": 1}))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == times
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(DataError, match="was not written by `layerlab languages write`"):
        write_languages(tmp_path / "mine", SMALL)
    (tmp_path / "empty").mkdir()
    assert write_languages(tmp_path / "empty", SMALL)[1]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt("stop")

    monkeypatch.setattr(release, "write_dictionaries", interrupt)
    with pytest.raises(KeyboardInterrupt, match="stop"):
        write_languages(tmp_path / "a", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_write_leaves_no_folder_and_the_next_one_clears_up(tmp_path: Path) -> None:
    target = tmp_path / "killed"
    program = (
        "from layerlab.languages.corpora.release import Request, write_languages\n"
        f"write_languages({str(target)!r}, Request(languages=('avin',), sizes={{'train': 500_000}}))"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        deadline = time.monotonic() + 240
        while not partials(target):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert not target.exists()
    assert partials(target)
    write_languages(target, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["killed"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"languages": ("avinn",)}, "unknown controlled language 'avinn'; did you mean 'avin'"),
        ({"nli": {"tset": 3}}, "unknown split 'tset'; did you mean 'test'"),
        ({"text_sentences": -1}, "got -1 sentences of text"),
    ],
)
def test_a_request_for_what_there_is_not_writes_nothing(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        write_languages(tmp_path / "a", Request(**{**SMALL.__dict__, **changes}))
    assert list(tmp_path.iterdir()) == []


def test_parts_are_told_as_they_are_written(tmp_path: Path) -> None:
    lines: list[str] = []
    write_languages(tmp_path / "a", SMALL, lines.append)
    told = [line.split("s  ")[1] for line in lines]
    assert told[:4] == ["avin", "avin-talk", "huan", "huan-talk"]
    assert told[4:] == ["parallel sentences", "inference pairs", "dictionaries"]
