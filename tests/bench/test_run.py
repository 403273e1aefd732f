from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from layerlab.bench import bench, run
from layerlab.bench.bench import run_bench
from layerlab.bench.process import run_timed
from layerlab.bench.settings import BenchSettings
from layerlab.errors import StoreError
from tests.bench.stubs import python, stub_workload
from tests.fixtures.command_line import Call


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmark with one workload of contenders that do nothing, and a known rate."""
    monkeypatch.setattr(run, "WORKLOADS", {"stub": stub_workload})
    monkeypatch.setattr(bench, "choose", lambda names: ("stub",))
    monkeypatch.setattr(run._Session, "_rate", lambda self: {"rate": 1e9, "threads": 1})


@pytest.mark.usefixtures("stub")
def test_contenders_take_turns_and_a_failed_one_does_not_stop_the_others(tmp_path: Path) -> None:
    lines: list[str] = []
    files, complete = run_bench(BenchSettings(tmp_path), say=lines.append)
    begun = [line.split("] ")[1].split(",")[0] for line in lines if line.endswith("...")]
    assert begun == [
        f"stub {name}" for name in ("layerlab", "trainer", "broken", "broken", "trainer", "layerlab")
    ]
    assert not complete
    frame = pd.read_csv(tmp_path / "measurements.csv")
    assert frame.groupby("contender")["good"].all().to_dict() == {
        "broken": False,
        "layerlab": True,
        "trainer": True,
    }
    assert set(frame[frame["contender"] == "trainer"]["steps"]) == {7}
    assert "the disk is full" in (tmp_path / "benchmark.md").read_text(encoding="utf-8")
    assert {"measurements.csv", "machine.json", "benchmark.md", "ratios.pdf"} <= {path.name for path in files}


@pytest.mark.usefixtures("stub")
def test_what_is_measured_is_not_measured_again_unless_asked(tmp_path: Path) -> None:
    settings = BenchSettings(tmp_path, repeats=1)
    run_bench(settings, say=lambda line: None)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "measurements").iterdir()}
    again: list[str] = []
    run_bench(settings, say=again.append)
    assert [line.split("] ")[1] for line in again if line.endswith("...")] == [
        "stub broken, repeat 1 of 1 ..."
    ]
    more: list[str] = []
    run_bench(BenchSettings(tmp_path, repeats=2), say=more.append)
    after = {path: path.stat().st_mtime_ns for path in before}
    assert {path.name for path in before if before[path] != after[path]} == {"stub-broken-1.json"}
    fresh: list[str] = []
    run_bench(settings, say=fresh.append, again=True)
    assert sum(line.endswith("...") for line in fresh) == 3


@pytest.mark.usefixtures("stub")
def test_a_folder_with_measurements_of_other_settings_is_refused(tmp_path: Path) -> None:
    run_bench(BenchSettings(tmp_path, repeats=1), say=lambda line: None)
    with pytest.raises(StoreError, match=r"measurements of other settings \(scale\)"):
        run_bench(BenchSettings(tmp_path, scale="small", repeats=1), say=lambda line: None)


def test_a_process_is_measured_with_what_it_starts(tmp_path: Path) -> None:
    work = "import time; x = bytearray(200_000_000)\nwhile time.process_time() < .3: pass"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {work!r}], check=True)"
    used = run_timed(python(child), tmp_path / "log", {})
    assert used.code == 0
    assert used.cpu >= 0.2
    assert used.wall >= 0.2
    assert used.largest >= 200_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt others")
def test_a_process_that_outlives_its_parent_counts_too(tmp_path: Path) -> None:
    work = "import time\nwhile time.process_time() < .4: pass"
    child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', {work!r}])"
    used = run_timed(python(child), tmp_path / "log", {})
    assert used.code == 0
    assert used.cpu >= 0.4


def test_the_exit_status_and_the_output_of_a_process_are_kept(tmp_path: Path) -> None:
    used = run_timed(python("print('on the way'); raise SystemExit(3)"), tmp_path / "log", {})
    assert used.code == 3
    assert (tmp_path / "log").read_text(encoding="utf-8") == "on the way\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "z"), "unknown workload 'z'"),
        (("--scale", "huge"), "unknown scale 'huge'"),
        (("--data", "nowhere"), "nowhere is no folder; expected treebanks"),
    ],
)
def test_bad_input_is_refused(call: Call, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    code, _, said = call("bench", tmp_path / "bench", *arguments)
    assert code == 2
    assert message in said
    assert not (tmp_path / "bench").exists()


def test_treebanks_that_are_not_there_are_named(call: Call, tmp_path: Path, treebanks: Path) -> None:
    code, _, said = call("bench", tmp_path / "bench", "--data", treebanks)
    assert code == 2
    assert "unknown language 'en'" in said


def test_the_machine_is_described() -> None:
    from layerlab.bench.machine import describe_machine

    machine = describe_machine()
    assert machine["cores"] >= 1
    assert machine["versions"]["torch"]
    assert machine["python"] == ".".join(map(str, sys.version_info[:3]))
    assert json.dumps(machine)
