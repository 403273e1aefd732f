"""Full and read-only disks, directories that vanish, clocks that go back: said in a line, nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from layerlab.disk import describe_error, writing
from layerlab.files import replacing
from layerlab.nodes.store.events import reporter
from layerlab.processes import mark
from tests.fixtures.command_line import Call
from tests.fixtures.disks import Disk

MakeDisk = Callable[[int], Disk]
OPTIONS = ("--workers", 0, "--checkpoint-seconds", 0, "--no-report")


@pytest.fixture
def file(treebanks: Path, tiny_encoder: Path, tmp_path: Path) -> Path:
    """A study of two runs over two fits, which keep their weights."""
    study = {
        "name": "small",
        "models": [str(tiny_encoder)],
        "tasks": ["upos"],
        "data": {"root": str(treebanks)},
        "sources": ["aa"],
        "targets": ["bb"],
        "keep": "all",
        "ablations": ["none", {"before": [{"reset": {"layers": "0"}}]}],
        "training": {"epochs": 1, "learning_rate": 1e-3, "batch_size": 48},
    }
    path = tmp_path / "study.yaml"
    path.write_text(json.dumps(study), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, str]:
    """What a run on a disk with room gives, once it is known."""
    return {}


def scores(results: Path) -> str:
    return (results / "records.csv").read_text(encoding="utf-8")


def drafts(folder: Path) -> list[Path]:
    return [*folder.rglob(".tmp-*"), *folder.rglob("removed-*")]


def fill(path: Path) -> None:
    """Take all the room that a disk has left."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


@pytest.mark.parametrize("kib", [4, 40, 300, 1100])
def test_a_run_on_a_disk_that_gets_full_says_so_and_goes_on_when_there_is_room(
    call: Call, make_disk: MakeDisk, file: Path, undisturbed: dict[str, str], kib: int
) -> None:
    disk = make_disk(kib)
    arguments = ("run", file, "--results", disk.root / "results", *OPTIONS)
    code, out, err = call(*arguments)
    assert code == 1, err
    assert "No space left on device" in out + err
    assert "MB are free" in out + err
    assert "Traceback" not in out + err
    assert drafts(disk.root) == []
    done = {path: path.stat().st_mtime_ns for path in disk.root.glob("results/*s/*/record.json")}
    disk.resize(20_000)
    code, out, err = call(*arguments)
    assert code == 0, err
    assert {path: path.stat().st_mtime_ns for path in done} == done, "nothing complete is done again"
    assert drafts(disk.root) == []
    assert not any((disk.root / "results" / "work").iterdir())
    assert undisturbed.setdefault("scores", scores(disk.root / "results")) == scores(disk.root / "results")


@pytest.mark.slow
def test_workers_of_a_pool_survive_a_full_disk(call: Call, make_disk: MakeDisk, file: Path) -> None:
    disk = make_disk(48)
    arguments = ("run", file, "--results", disk.root / "results", "--workers", 1, "--no-report")
    code, _, err = call(*arguments)
    assert (code, "Traceback" in err) == (1, False), err
    disk.resize(20_000)
    code, _, err = call(*arguments)
    assert code == 0, err


READING = (["status", "STUDY"], ["plan", "STUDY"], ["table", "RESULTS"], ["records", "RESULTS"])
WRITING = (
    ["run", "STUDY", "--set", "seeds=[1]", "--workers", "0"],
    ["prune", "STUDY"],
    ["report", "RESULTS"],
    ["plot", "RESULTS"],
    ["records", "RESULTS", "-o", "RESULTS/again.csv"],
    ["languages", "write", "RESULTS/languages"],
    ["pretrain", "SPEC", "RESULTS/encoder"],
    ["pretrain", "SPEC", "--store", "RESULTS"],
)


def test_a_finished_study_on_a_read_only_disk_is_read_and_refuses_to_be_written(
    call: Call, make_disk: MakeDisk, file: Path, spec_file: Path
) -> None:
    disk = make_disk(20_000)
    results = disk.root / "results"
    assert call("run", file, "--results", results, *OPTIONS)[0] == 0
    disk.set_read_only()
    places = {"RESULTS": str(results), "STUDY": str(file), "SPEC": str(spec_file)}
    for words, status in (*((words, 0) for words in READING), *((words, 2) for words in WRITING)):
        arguments = [word.replace("RESULTS", places["RESULTS"]) for word in words]
        arguments = [places.get(word, word) for word in arguments]
        if "STUDY" in words:
            arguments += ["--results", str(results)]
        code, out, err = call(*arguments)
        assert code == status, (words, out, err)
        assert "Traceback" not in out + err
        if status:
            assert "read-only file system" in err.lower(), words


def test_a_table_that_finds_no_room_leaves_the_old_one(call: Call, make_disk: MakeDisk, file: Path) -> None:
    disk = make_disk(20_000)
    results = disk.root / "results"
    assert call("run", file, "--results", results, *OPTIONS)[0] == 0
    used = sum(path.stat().st_blocks * 512 for path in disk.root.rglob("*")) // 1024
    for words in (
        ["report", results],
        ["plot", results],
        ["records", results, "-o", results / "records.csv"],
    ):
        before = scores(results)
        disk.resize(used + 8)
        fill(disk.root / "filler")
        code, _, err = call(*words)
        assert (code, "No space left on device" in err) == (1, True), (words, err)
        assert scores(results) == before
        (disk.root / "filler").unlink()
        shutil.rmtree(results / "report", ignore_errors=True)
        shutil.rmtree(results / "figures", ignore_errors=True)


def test_pretraining_on_a_full_disk_goes_on_when_there_is_room(
    call: Call, make_disk: MakeDisk, spec_file: Path
) -> None:
    disk = make_disk(40)
    code, _, err = call("pretrain", spec_file, disk.root / "encoder", "--checkpoint-seconds", 0)
    assert (code, "No space left on device" in err) == (1, True), err
    disk.resize(20_000)
    code, _, err = call("pretrain", spec_file, disk.root / "encoder", "--checkpoint-seconds", 0)
    assert code == 0, err
    assert drafts(disk.root) == []


def test_results_that_vanish_in_the_middle_are_made_again(
    call: Call, monkeypatch: pytest.MonkeyPatch, file: Path, tmp_path: Path
) -> None:
    from layerlab.nodes.kinds.fit import Fit

    publish, results = Fit._publish, tmp_path / "results"

    def vanish(*arguments: Any) -> None:
        monkeypatch.setattr(Fit, "_publish", publish)
        shutil.rmtree(results)
        publish(*arguments)

    monkeypatch.setattr(Fit, "_publish", vanish)
    code, out, err = call("run", file, "--results", results, *OPTIONS)
    assert (code in (1, 2), "Traceback" in out + err) == (True, False), err
    code, _, err = call("run", file, "--results", results, *OPTIONS)
    assert code == 0, err


def test_a_current_directory_that_is_gone_is_said(
    call: Call, monkeypatch: pytest.MonkeyPatch, file: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    code, _, err = call("run", file)
    assert (code, "Traceback" in err) == (2, False)
    assert "the current directory is gone" in err


def test_progress_is_reported_when_the_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = time.time()
    seconds = iter([10.0, 12.0, 14.0, 16.0])
    clock = iter([now, now - 3600, now - 7200, now - 7199])
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(time, "time", lambda: next(clock))
    report = reporter(tmp_path / "events.jsonl")
    for step in range(4):
        report({"event": "step", "step": step, "steps": 9})
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [0, 1, 2, 3]


def test_what_killed_processes_were_writing_is_removed_at_the_next_start(
    call: Call, file: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    name = f".tmp-{mark()}-{dead.stdout.strip()}-0123abcd"
    left = [
        results / "jobs" / f"{name}-0123.json",
        results / "work" / "0123" / f"{name}-checkpoint.safetensors",
        results / f"{name}-manifest.json",
        results / "leases" / f"{name}-0123",
        results / "failed" / "0123" / f"{name}-error.json",
    ]
    own = results / "jobs" / f".tmp-{mark()}-{os.getpid()}-0123abcd-0123.json"
    for path in (*left, own):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    assert call("run", file, "--results", results, *OPTIONS, "--only", "ablation=none")[0] == 0
    assert [path for path in left if path.exists()] == []
    assert own.exists(), "this process is alive"


def test_files_have_the_permissions_that_the_umask_leaves(call: Call, file: Path, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert call("run", file, "--results", tmp_path / "results", *OPTIONS)[0] == 0
    finally:
        os.umask(before)
    files = [path for path in (tmp_path / "results").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files if path.suffix in (".safetensors", ".json")} == {
        0o640
    }


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("11520 requested and 0 written"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_whichever_library_finds_the_disk_full_the_error_says_where_and_what_is_free(
    tmp_path: Path, error: Exception
) -> None:
    with pytest.raises(OSError, match="No space left on device") as caught, writing(tmp_path / "a.npy"):
        raise error
    assert caught.value.errno == errno.ENOSPC
    said = describe_error(caught.value)
    assert said.startswith(f"{tmp_path / 'a.npy'}: No space left on device; ")
    assert "MB are free there" in said


def test_an_error_that_is_not_of_the_system_stays_what_it_is(tmp_path: Path) -> None:
    def write_half() -> None:
        with replacing(tmp_path / "a") as beside:
            beside.write_text("half")
            raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_output_that_cannot_be_written_is_an_error() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "layerlab", "encoders", "list"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
