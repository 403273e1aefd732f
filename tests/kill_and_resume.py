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
    parser.add_argument("--earliest", type=float, default=4.0, help="seconds after start")
    parser.add_argument("--latest", type=float, default=12.0, help="seconds after start")
    options = parser.parse_args()
    undisturbed, killed = options.folder / "undisturbed", options.folder / "killed"
    if start(options.study, undisturbed).wait() != 0:
        print("the undisturbed run failed")
        return 1
    stream = random.Random(options.seed)
    redone: set[str] = set()
    lost: set[str] = set()
    n_kills = 0
    complete: dict[str, int] = {}
    for _ in range(options.kills):
        process = start(options.study, killed)
        wait_and_kill(process, stream, options.earliest, options.latest)
        n_kills += process.returncode != 0
        now = complete_nodes(killed)
        lost |= complete.keys() - now.keys()
        redone |= {node for node, written in complete.items() if now.get(node, written) != written}
        print(f"stop {n_kills}: {len(now)} nodes complete, {count_checkpoints(killed)} fits in progress")
        complete = now
        if process.returncode == 0:
            break
    if start(options.study, killed).wait() != 0:
        print("the resumed run failed")
        return 1
    now = complete_nodes(killed)
    redone |= {node for node, written in complete.items() if now.get(node, written) != written}
    different = compare(undisturbed / "records.csv", killed / "records.csv")
    print(f"{n_kills} kills; {len(now)} nodes; lost {len(lost)}; done twice {len(redone)}", end="; ")
    print(f"different values {different}")
    return 1 if lost or redone or different else 0


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


def wait_and_kill(
    process: subprocess.Popen[bytes], stream: random.Random, earliest: float, latest: float
) -> None:
    """Kill the runner at a random moment; in every second case its workers at the same instant too."""
    deadline = time.monotonic() + stream.uniform(earliest, latest)
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    if process.poll() is None:
        if stream.random() < 0.5:
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


def compare(first: Path, second: Path) -> int:
    """Return how many values of two records files differ, or all of them if the rows do not match."""
    keys = ["run_id", "target", "metric"]
    one, two = (pd.read_csv(path).sort_values(keys).reset_index(drop=True) for path in (first, second))
    if not one[keys].equals(two[keys]):
        return max(len(one), len(two))
    return int((one["value"] != two["value"]).sum() + (one["n"] != two["n"]).sum())


if __name__ == "__main__":
    sys.exit(main())
