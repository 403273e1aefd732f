"""Which process wrote something, and whether it still lives.

A process id means something only among processes that see each other: those of one boot of one kernel, in one
namespace of process ids. Containers often have one host name and namespaces of their own.
"""

from __future__ import annotations

import functools
import os
import sys
import zlib
from pathlib import Path
from platform import node as host_name


@functools.cache
def neighbourhood() -> str:
    """Return what processes have in common that see each other: host, boot, and namespace of process ids."""
    return f"{host_name()} {_boot()} {_namespace()}"


def mark() -> str:
    """Return the neighbourhood in 8 hexadecimal digits, for names of files."""
    return f"{zlib.crc32(neighbourhood().encode()):08x}"


def born(pid: int) -> str:
    """Return when a process of this neighbourhood started, which no later one with its id repeats.

    Returns:
        Clock ticks since boot; ``alive`` where the system does not say; "" if the process is gone.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _born_without_proc(pid)
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[19]


def search_path() -> list[str]:
    """Return where this process finds modules, a user's own among them; its workers look there too."""
    return [path for path in sys.path if path]


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _born_without_proc(pid: int) -> str:
    """Tell living processes from gone ones where there is no /proc."""
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "alive"
    return "alive"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
