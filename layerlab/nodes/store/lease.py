"""Leases: any number of processes may share a study, and no node is worked on twice at a time."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

HEARTBEAT_SECONDS = 5.0
# A holder on another host is given up after this silence; one on this host as soon as it is gone.
STALE_SECONDS = 120.0


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    Attributes:
        host: Name of the host.
        pid: Process id there.
        born: Start of that process in clock ticks since boot, so that a reused pid is not mistaken.
        token: Unique to this claim.
    """

    host: str
    pid: int
    born: str
    token: str


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Claim a lease file for the block; yields whether it was got.

    The file appears whole or not at all, and for one claimant only; its modification time is the
    heartbeat. A lease whose holder is gone is taken over.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    me = _me()
    if not (_create(path, me) or (_take_over(path) and _create(path, me))):
        yield False
        return
    stop = threading.Event()
    beat = threading.Thread(target=_heartbeat, args=(path, stop), daemon=True)
    beat.start()
    try:
        yield True
    finally:
        stop.set()
        beat.join()
        if _read(path) == me:
            path.unlink(missing_ok=True)


def _me() -> Holder:
    return Holder(socket.gethostname(), os.getpid(), _born(os.getpid()), uuid.uuid4().hex)


def is_held(path: Path) -> bool:
    """Return whether somebody alive holds a lease."""
    return path.exists() and not _is_stale(path, _read(path))


def _create(path: Path, holder: Holder) -> bool:
    """Make the lease file whole: it is written under another name and linked into place."""
    draft = path.with_name(f".{path.name}.{holder.token}")
    draft.write_text(json.dumps(asdict(holder)), encoding="utf-8")
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _is_stale(path: Path, holder: Holder | None) -> bool:
    if holder is not None and holder.host == socket.gethostname():
        return _born(holder.pid) != holder.born
    try:
        return time.time() - path.stat().st_mtime > STALE_SECONDS
    except OSError:
        return True


def _take_over(path: Path) -> bool:
    """Remove a stale lease; of several processes that try, one succeeds and none removes a fresh one."""
    guard = path.with_name(f".{path.name}.takeover")
    if guard.exists() and _is_stale(guard, _read(guard)):
        guard.unlink(missing_ok=True)
    if not _create(guard, _me()):
        return False
    try:
        holder = _read(path)
        if path.exists() and not _is_stale(path, holder):
            return False
        path.unlink(missing_ok=True)
        return True
    finally:
        guard.unlink(missing_ok=True)


def _heartbeat(path: Path, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_SECONDS):
        with suppress(OSError):
            os.utime(path)


def _born(pid: int) -> str:
    """Return when a process started, which no later one with its pid repeats; "" if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _born_without_proc(pid)
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[19]


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
