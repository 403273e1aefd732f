"""Kill what carries a study out at random moments, go on, and compare with an undisturbed run.

    python -m tests.kill_and_resume STUDY.yaml FOLDER --kills 1000

Runners, alone or several in one directory, with pools of workers or without, are struck in many ways (see
``STRIKES``): killed alone or with all their processes, at a random time or at a random call that writes;
their workers, their pool, or ``prune`` are killed; they are stopped until others have taken their leases, and
go on. Once a study is complete, another round begins in a new directory, until there were enough kills that
left something to do: one that comes after the end of a study is not enough. How many rounds that takes hangs
on the machine. The seed decides everything but the scheduler of the system.

Prints a line for each round, and what happened; exit status 1 if a round's records are not bit for bit those
of the undisturbed run, a complete node is lost or done again, a process outlives its runner, or anything is
left behind.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # and not where pytest looks for examples
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import torch

from layerlab import processes
from layerlab.analysis.stored.seal import fault_of
from layerlab.nodes.store import lease
from layerlab.nodes.store.store import Store
from layerlab.study.directory.pruning import find_prunable, prune
from layerlab.study.runner import run_plan
from layerlab.study.study import Study, StudyPlan
from tests.fixtures.forks import fork_pools

#: Calls that change a directory; a process may die just before or just after one.
CALLS = ("fsync", "link", "mkdir", "rename", "replace", "rmdir", "unlink", "utime")
#: Heartbeats of processes that do not see each other, so that a stop outlasts a lease; in seconds.
BEAT, SILENCE = 0.1, 1.0
IMPORTED = ("analysis.records.tidy", "finetuning.loop", "nodes.kinds.evaluation.fitted", "pretraining.run")
#: Folders that are empty when a study is complete.
PASSING = ("work", "leases", "failed", "damaged")
#: No process may live longer than so many seconds after its runner.
GRACE = 10.0
#: A process that takes longer than so many seconds for what is left of a study hangs.
PATIENCE = 1200.0


def main() -> int:
    """Strike until there were enough kills; print and return whether all was well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    fork_pools()
    for module in IMPORTED:  # once, for all processes to come
        importlib.import_module(f"layerlab.{module}")
    plan = Study.from_yaml(options.study).plan()
    undisturbed, calls = run_undisturbed(plan, options.folder / "undisturbed")
    trial = Trial(plan, options.folder, undisturbed, calls, random.Random(options.seed))
    while trial.n_interruptions < options.kills:
        trial.round(options.kills)
    counts = ", ".join(f"{name} {count}" for name, count in sorted(trial.kills.items()))
    print(f"{trial.n_kills} kills in {trial.n_rounds} rounds ({counts})")
    print(f"{trial.n_interruptions} of them left something to do")
    print("; ".join(f"{name} {trial.faults[name]}" for name in FAULTS))
    return 1 if trial.faults.total() else 0


FAULTS = ("different", "failed", "lost", "done again", "orphans", "left behind")


def run_undisturbed(plan: StudyPlan, folder: Path) -> tuple[float, int]:
    """Carry the study out once; return its seconds and how many calls a process makes that write."""
    began, file = time.monotonic(), folder.with_name("calls")
    folder.parent.mkdir(parents=True, exist_ok=True)

    def counted() -> int:
        calls = Dying(None)
        calls.install()
        status = carry_out(plan, folder, workers=0)
        file.write_text(str(calls.n))
        return status

    if Process(counted).wait() != 0:
        sys.exit("the undisturbed run failed")
    return time.monotonic() - began, int(file.read_text())


def carry_out(plan: StudyPlan, folder: Path, workers: int) -> int:
    """Run a plan as ``layerlab run`` does; return the exit status."""
    done = run_plan(
        plan, folder, workers=workers, device="cpu", checkpoint_seconds=0.05, progress=False, keep="all"
    )
    return 0 if done.good else 1


class Dying:
    """Counts the calls of this process that write, and kills it before or after one of them."""

    def __init__(self, at: int | None, after: bool = False) -> None:
        self.at, self.after, self.n = at, after, 0

    def install(self) -> None:
        """Put the counter around the system's calls."""
        for name in CALLS:
            setattr(os, name, self._around(getattr(os, name)))

    def _around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.n += 1
            dies = self.n == self.at
            if dies and not self.after:
                os.kill(os.getpid(), signal.SIGKILL)
            done = call(*args, **kwargs)
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        return counted


class Process:
    """A forked process of a session of its own; it has everything imported already."""

    def __init__(self, work: Callable[[], int], log: Path | None = None) -> None:
        self.code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            status = 70
            try:
                os.setsid()
                if log is not None:
                    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                    os.dup2(descriptor, 1)
                    os.dup2(descriptor, 2)
                status = work()
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)

    def poll(self) -> int | None:
        """Return the exit status; None while it runs."""
        if self.code is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def wait(self) -> int:
        """Wait for the end and return the exit status; a process that hangs is killed."""
        deadline = time.monotonic() + PATIENCE
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                print(f"process {self.pid} hangs", flush=True)
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.01)
        return code

    def signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


@dataclass
class Trial:
    """Rounds of one study.

    Attributes:
        plan: The study's.
        folder: Holds the results of the undisturbed run and of the rounds.
        seconds: How long the undisturbed run took.
        calls: How many calls that write it made.
        chance: Decides.
        kills: How often each strike killed something.
        faults: What must not be, counted.
        n_interruptions: Kills that left something to do.
        n_rounds: Rounds that are complete.
    """

    plan: StudyPlan
    folder: Path
    seconds: float
    calls: int
    chance: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    n_interruptions: int = 0
    n_rounds: int = 0

    @property
    def n_kills(self) -> int:
        """Kills so far."""
        return self.kills.total()

    def round(self, kills: int) -> None:
        """Carry the study out under strikes until it is complete or there were enough, then look at it."""
        results = self.folder / f"round-{self.n_rounds}"
        seen: dict[Path, tuple[int, int]] = {}
        while self.n_interruptions < kills and len(seen) < len(self.plan.nodes):
            struck = self.strike(results)
            seen = self.compare(results, seen)
            if len(seen) < len(self.plan.nodes):
                self.n_interruptions += struck
        if Process(lambda: carry_out(self.plan, results, 0), self.folder / "last.log").wait() != 0:
            self.fault("failed", f"round {self.n_rounds}: the last run failed, see last.log")
        self.compare(results, seen)
        self.judge(results)
        self.n_rounds += 1
        print(f"round {self.n_rounds}: {self.n_kills} kills so far", flush=True)
        if not self.faults:
            shutil.rmtree(results)

    def strike(self, results: Path) -> int:
        """Start runners and strike; return how many kills that were. All runners have ended afterwards."""
        name = self.chance.choices(list(STRIKES), [weight for _, weight in STRIKES.values()])[0]
        started: list[Process] = []
        try:
            struck = STRIKES[name][0](self, results, started)
        finally:
            for process in started:
                process.signal(signal.SIGKILL)
                process.wait()
            self.count_orphans(started)
        self.kills[name] += struck
        return struck

    def start(self, results: Path, started: list[Process], n: int, workers: int, apart: bool = False) -> None:
        """Start runners in one directory; those that are apart do not see each other's processes."""
        for number in range(n):

            def work(number: int = number) -> int:
                if apart:
                    be_apart(f"host-{number}")
                return carry_out(self.plan, results, workers)

            started.append(Process(work, self.folder / "runners.log"))

    def wait(self, started: list[Process], part: float = 0.4) -> None:
        """Wait for a random time, which is up to a part of that of the undisturbed run."""
        deadline = time.monotonic() + self.chance.uniform(0.02, part * self.seconds + 0.2)
        while time.monotonic() < deadline and any(process.poll() is None for process in started):
            time.sleep(0.005)

    def compare(self, results: Path, before: dict[Path, tuple[int, int]]) -> dict[Path, tuple[int, int]]:
        """Return the complete nodes; none of those before may be gone, or written again."""
        now = dict(complete(results))
        for path, written in before.items():
            if path not in now:
                self.fault("lost", str(path))
            elif now[path] != written:
                self.fault("done again", str(path))
        return now

    def judge(self, results: Path) -> None:
        """Compare a complete round with the undisturbed run, and look for what is left behind."""
        whole = self.folder / "undisturbed"
        if (results / "records.csv").read_bytes() != (whole / "records.csv").read_bytes():
            self.fault("different", f"{results}/records.csv")
        for path in whole.glob("*s/*/record.json"):
            other = results / path.relative_to(whole)
            if not other.exists() or content(path) != content(other):
                self.fault("different", str(other))
        for path in results.rglob("*"):
            inside = path.relative_to(results)
            if path.name.startswith(".tmp-") or (inside.parts[0] in PASSING and len(inside.parts) > 1):
                self.fault("left behind", str(inside))

    def count_orphans(self, started: list[Process]) -> None:
        """Count processes that outlive the runners of their session."""
        sessions, deadline = {process.pid for process in started}, time.monotonic() + GRACE
        while (left := members(sessions)) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in left:
            self.fault("orphans", f"process {pid}")
            kill_process(pid)

    def fault(self, name: str, what: str) -> None:
        """Count and print what must not be."""
        self.faults[name] += 1
        print(f"{name}: {what}", flush=True)


def complete(results: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Yield the complete nodes, and when and where each was written."""
    for path in results.glob("*s/*/record.json"):
        if not path.parent.name.startswith(".") and fault_of(path.parent) is None:
            about = path.stat()
            yield path, (about.st_mtime_ns, about.st_ino)


def content(path: Path) -> Any:
    """Return what must be the same in a record: its scores, and the digests of head, labels and counts."""
    record = json.loads(path.read_text(encoding="utf-8"))
    files = {name: about for name, about in record["files"].items() if not name.startswith("model/")}
    return record.get("scores"), record.get("spec"), files


def members(sessions: set[int]) -> list[int]:
    """Return the living processes of sessions."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) in sessions and fields[0] not in "ZX":
            found.append(int(path.parent.name))
    return found


def be_apart(host: str) -> None:
    """Be a process of another host: nobody else sees whether it lives, its heart beats fast."""
    where = processes.neighbourhood().partition(" ")[2]
    for module in (processes, lease):
        module.neighbourhood = lambda: f"{host} {where}"  # type: ignore[attr-defined]
    lease.HEARTBEAT_SECONDS, lease.STALE_SECONDS = BEAT, SILENCE


def kill_process(pid: int) -> bool:
    """Kill a process; return False if it has ended since it was found."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def kill_runner(trial: Trial, results: Path, started: list[Process]) -> int:
    """Kill a runner with a pool, whose processes are left to notice."""
    trial.start(results, started, 1, workers=2)
    trial.wait(started)
    return kill(started)


def kill_all(trial: Trial, results: Path, started: list[Process]) -> int:
    """Kill a runner and its pool and workers at one instant."""
    trial.start(results, started, 1, workers=2)
    trial.wait(started)
    struck = [kill_process(pid) for pid in members({started[0].pid})]
    return int(any(struck))


def interrupt(trial: Trial, results: Path, started: list[Process]) -> int:
    """Interrupt a runner, whose workers leave checkpoints and end before it."""
    trial.start(results, started, 1, workers=2)
    trial.wait(started)
    if started[0].poll() is not None:
        return 0
    started[0].signal(signal.SIGINT)
    started[0].wait()
    if left := members({started[0].pid}):
        trial.fault("orphans", f"processes {left} of a runner that was interrupted")
    return 1


def kill_two(trial: Trial, results: Path, started: list[Process]) -> int:
    """Kill one of two runners with pools, and the other one later."""
    trial.start(results, started, 2, workers=1)
    trial.wait(started, 0.2)
    first = kill(started[:1])
    trial.wait(started[1:], 0.2)
    return first + kill(started[1:])


def kill_of_eight(trial: Trial, results: Path, started: list[Process]) -> int:
    """Kill eight runners, one after the other."""
    trial.start(results, started, 8, workers=0)
    trial.wait(started, 0.3)
    killed = 0
    for process in started:
        killed += kill([process])
        trial.wait(started, 0.05)
    return killed


def kill_worker(trial: Trial, results: Path, started: list[Process]) -> int:
    """Kill a process that has a lease; its runner says so and ends."""
    trial.start(results, started, 1, workers=2)
    trial.wait(started)
    victims = set(members({started[0].pid})) - {started[0].pid}
    holders = victims & {
        holder.pid for path in results.glob("leases/*") if (holder := lease.read_holder(path))
    }
    struck = any(kill_process(pid) for pid in sorted(holders)[:1])
    if struck:
        trial.wait(started, 0.2)
    return int(struck) + kill(started)


def kill_nursery(trial: Trial, results: Path, started: list[Process]) -> int:
    """Kill a pool; the study goes on to its end."""
    trial.start(results, started, 1, workers=2)
    trial.wait(started)
    pool = [pid for pid in members({started[0].pid}) if parent(pid) == started[0].pid]
    struck = sum(kill_process(pid) for pid in pool)
    if struck and started[0].wait() != 0:
        trial.fault("failed", "a runner whose pool was killed")
    return struck


def kill_at_a_call(trial: Trial, results: Path, started: list[Process]) -> int:
    """Let a runner die just before or after a call that writes: a record, a checkpoint, a lease, a plan."""
    at, after = trial.chance.randint(1, trial.calls), trial.chance.random() < 0.5

    def work() -> int:
        Dying(at, after).install()
        return carry_out(trial.plan, results, 0)

    started.append(Process(work, trial.folder / "runners.log"))
    return int(started[0].wait() == -signal.SIGKILL)


def kill_prune(trial: Trial, results: Path, started: list[Process]) -> int:
    """Let ``prune`` die just before or after a call that writes; no run waits for what it removes."""
    at, after = trial.chance.randint(1, 12), trial.chance.random() < 0.5

    def work() -> int:
        store = Store(results)
        Dying(at, after).install()
        prune(store, [one.node for one in find_prunable(trial.plan, store)])
        return 0

    results.mkdir(parents=True, exist_ok=True)
    started.append(Process(work, trial.folder / "runners.log"))
    return int(started[0].wait() == -signal.SIGKILL)


def stop(trial: Trial, results: Path, started: list[Process]) -> int:
    """Stop one of two runners until the other has its leases, then let both go on to the end."""
    trial.start(results, started, 2, workers=0, apart=True)
    trial.wait(started, 0.3)
    stopped = started[0].poll() is None
    started[0].signal(signal.SIGSTOP)
    deadline = time.monotonic() + 2 * SILENCE
    while time.monotonic() < deadline and started[1].poll() is None:
        time.sleep(0.01)
    started[0].signal(signal.SIGCONT)
    for process in started:
        if process.wait() != 0:
            trial.fault("failed", "a runner that was stopped, or the one beside it")
    return int(stopped)


def kill(started: list[Process]) -> int:
    """Kill runners; return how many there were to kill."""
    living = [process for process in started if process.poll() is None]
    for process in living:
        process.signal(signal.SIGKILL)
    return len(living)


def parent(pid: int) -> int:
    """Return the parent of a process; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


#: Ways to strike, each with how often it is chosen.
STRIKES: dict[str, tuple[Callable[[Trial, Path, list[Process]], int], float]] = {
    "runner": (kill_runner, 3),
    "all": (kill_all, 3),
    "interrupt": (interrupt, 1),
    "two runners": (kill_two, 1),
    "eight runners": (kill_of_eight, 0.3),
    "worker": (kill_worker, 2),
    "pool": (kill_nursery, 0.5),
    "at a call": (kill_at_a_call, 4),
    "prune": (kill_prune, 1),
    "stop": (stop, 0.3),
}

if __name__ == "__main__":
    sys.exit(main())
