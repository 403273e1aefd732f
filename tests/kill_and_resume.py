"""Kill a study's runner with SIGKILL at random moments, resume it, and compare with an undisturbed run.

    python tests/kill_and_resume.py STUDY.yaml FOLDER --kills 20

Prints what happened; exit status 1 if a number differs, a record is lost or a complete node was done again.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd


def main() -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    undisturbed, killed = options.folder / "undisturbed", options.folder / "killed"
    times = time_undisturbed(options.study, undisturbed)
    if times is None:
        print("the undisturbed run failed")
        return 1
    starting, seconds = times
    print(f"undisturbed: {starting:.1f} s to start, {seconds:.1f} s in all", flush=True)
    # Each start may do its share of the work, so that the kills spread over the whole study.
    latest = starting + 0.8 * (seconds - starting) / options.kills
    n_kills = kill_often(options, killed, latest)
    if start(options.study, killed).wait() != 0:
        print("the resumed run failed")
        return 1
    different = compare(undisturbed / "records.csv", killed / "records.csv")
    twice = done_twice(killed)
    missing = complete_nodes(undisturbed).keys() - complete_nodes(killed).keys()
    print(f"{n_kills} kills; lost {len(missing)}; done twice {len(twice)}; different values {different}")
    return 1 if missing or twice or different else 0


def time_undisturbed(study: Path, results: Path) -> tuple[float, float] | None:
    """Run a study; return the seconds to its first sign of work and to its end, None if it fails."""
    began = time.monotonic()
    process = start(study, results)
    while process.poll() is None and not any((results / "events").glob("*.jsonl")):
        time.sleep(0.05)
    starting = time.monotonic() - began
    good = process.wait() == 0
    return (starting, time.monotonic() - began) if good else None


def kill_often(options: argparse.Namespace, killed: Path, latest: float) -> int:
    """Start and kill the runner; return how often it was killed before the study was complete."""
    stream = random.Random(options.seed)
    n_kills = 0
    while n_kills < options.kills:
        process = start(options.study, killed)
        wait_and_kill(process, stream.uniform(1.0, latest), with_workers=stream.random() < 0.5)
        if process.returncode >= 0:
            break
        n_kills += 1
        done, begun = len(complete_nodes(killed)), count_checkpoints(killed)
        print(f"kill {n_kills}: {done} nodes complete, {begun} fits in the middle", flush=True)
    return n_kills


def start(study: Path, results: Path) -> subprocess.Popen[bytes]:
    """Start the runner in a process group of its own."""
    command = [
        sys.executable,
        "-m",
        "layerlab",
        "run",
        str(study),
        "--results",
        str(results),
        "--workers",
        "2",
    ]
    command += ["--device", "cpu", "--checkpoint-seconds", "0.3", "--no-report"]
    results.mkdir(parents=True, exist_ok=True)
    with (results / "runner.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def wait_and_kill(process: subprocess.Popen[bytes], seconds: float, *, with_workers: bool) -> None:
    """Kill the runner after a while, its workers at the same instant or left to notice by themselves."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    if process.poll() is None:
        if with_workers:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def complete_nodes(results: Path) -> dict[str, int]:
    """Return the complete nodes and when each was written."""
    found = {}
    for kind in ("fits", "runs"):
        for path in (results / kind).glob("*/record.json"):
            if ".tmp-" not in path.parent.name:
                found[f"{kind}/{path.parent.name}"] = path.stat().st_mtime_ns
    return found


def count_checkpoints(results: Path) -> int:
    """Return how many fits have a checkpoint in the middle."""
    return len({path.parent for path in (results / "work").glob("*/checkpoint-*")})


def done_twice(results: Path) -> list[str]:
    """Return the nodes that were begun again after they had been complete."""
    found = []
    for path in (results / "events").glob("*.jsonl"):
        complete = False
        for line in path.read_text(encoding="utf-8").splitlines():
            complete = complete or '"event": "done"' in line
            if complete and '"event": "start"' in line:
                found.append(path.stem)
                break
    return found


def compare(first: Path, second: Path) -> int:
    """Return how many values of two records files differ, or all of them if the rows do not match."""
    keys = ["run_id", "target", "metric"]
    one, two = (pd.read_csv(path).sort_values(keys).reset_index(drop=True) for path in (first, second))
    if not one[keys].equals(two[keys]):
        return max(len(one), len(two))
    return int((one["value"] != two["value"]).sum() + (one["n"] != two["n"]).sum())


if __name__ == "__main__":
    sys.exit(main())
