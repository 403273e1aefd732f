"""A whole process under the clock: wall and CPU seconds, and memory, of it and all that it starts."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SAMPLE_SECONDS: Final = 0.5
# ru_maxrss is in kilobytes, but in bytes on macOS.
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024
# On Linux a process may adopt what its descendants leave behind.
_ADOPT: Final = 36
_GRACE_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Usage:
    """What a process used, with all processes that it started, also those that outlived their parents.

    Attributes:
        code: Its exit status; negative for a signal.
        wall: Seconds from start to end.
        cpu: Seconds of processor time, user and system.
        largest: Peak resident memory of the largest single process, in bytes.
        together: Peak memory of all processes at once, shared pages counted once, in bytes; sampled twice a
            second, and None where the system does not tell.
    """

    code: int
    wall: float
    cpu: float
    largest: int
    together: int | None


def run_timed(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Usage:
    """Run a command to its end and measure it; what it prints goes to a file.

    The process that calls should be small: the memory of a child counts from its fork.

    Raises:
        KeyboardInterrupt: Somebody stopped it; the command is stopped too.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_ADOPT, 1, 0, 0, 0)
    others = set(_children(os.getpid()))
    with log.open("wb") as file:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=dict(environment)
        )
        watch = _Watch(process.pid)
        watch.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        finally:
            watch.ended.set()
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    watch.join()
    all_used = [used, *_adopted(others)]
    cpu = sum(one.ru_utime + one.ru_stime for one in all_used)
    largest = max(one.ru_maxrss for one in all_used) * _RSS_UNIT
    return Usage(process.returncode, wall, cpu, largest, watch.most)


def _adopted(others: set[int]) -> Iterator[resource.struct_rusage]:
    """Yield what processes used that were left behind by their parents; what does not end is let be."""
    until = time.monotonic() + _GRACE_SECONDS
    while (left := set(_children(os.getpid())) - others) and time.monotonic() < until:
        for pid in left:
            ended, _, used = os.wait4(pid, os.WNOHANG)
            if ended:
                yield used
        time.sleep(0.05)


class _Watch(threading.Thread):
    """Samples the memory of a process and its descendants while it runs."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.most = pid, None if not Path("/proc/self/smaps_rollup").exists() else 0
        self.ended = threading.Event()

    def run(self) -> None:
        while self.most is not None and not self.ended.wait(_SAMPLE_SECONDS):
            self.most = max(self.most, sum(map(_memory_of, _family(self.pid))))


def _family(pid: int) -> Iterator[int]:
    """Yield a process and its descendants."""
    yield pid
    for child in _children(pid):
        yield from _family(child)


def _children(pid: int) -> Iterator[int]:
    """Yield the processes that a process has started, or adopted."""
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            yield from map(int, file.read_text(encoding="ascii").split())
        except OSError:
            continue


def _memory_of(pid: int) -> int:
    """Return the proportional set size of a process in bytes; 0 if it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    line = next((line for line in text.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1]) * 1024
