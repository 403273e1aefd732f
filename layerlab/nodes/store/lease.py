"""Leases: any number of processes may share a study, and no node is worked on twice at a time.

A lease is a file that is linked into place, so that one claimant gets it; its modification time is the
heartbeat. It is removed by its holder or, if that one is gone, by the process that takes it over, and never
but under the lock of its folder, after a look at which file is there. So no process removes a lease that it
neither holds nor has found to be stale. The lock is the kernel's and ends with the process that has it.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from layerlab.files import sweep
from layerlab.nodes.store.clock import seconds_since
from layerlab.nodes.store.lock import lock_of, locked
from layerlab.processes import born, mark, neighbourhood
from layerlab.training.events import Report

HEARTBEAT_SECONDS = 5.0
# A holder elsewhere is given up after this silence; one that this process sees as soon as it is gone.
STALE_SECONDS = 120.0
# How long a process waits for the lock of a folder, which others have for microseconds unless stopped in it.
_PATIENCE: Final = 2.0


class LeaseLost(Exception):
    """Another process has taken over what this one was at."""


class Hold(Protocol):
    """What a process has that is at a node, as long as nobody else takes it over."""

    @property
    def name(self) -> str:
        """What it is, for people."""
        ...

    @property
    def is_lost(self) -> bool:
        """Whether another process has taken it over."""
        ...


class Kept(Protocol):
    """A lease whose holder shows that it lives."""

    def beat(self) -> None:
        """Renew the heartbeat until the lease is given back."""
        ...

    def give_back(self, beating: threading.Thread) -> None:
        """End the heartbeat and remove the lease, if it is still this one."""
        ...


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    Attributes:
        where: The processes that see each other's ids, see :func:`layerlab.processes.neighbourhood`.
        pid: Process id there.
        born: Start of that process, so that a reused id is not mistaken.
        token: Unique to this claim.
        work: What it does, for people; "" where the name of the lease says it.
    """

    where: str
    pid: int
    born: str
    token: str
    work: str = ""

    @property
    def is_seen(self) -> bool:
        """Whether this process can see if the holder lives; else there is its heartbeat alone."""
        return self.where == neighbourhood()

    @property
    def place(self) -> str:
        """The process and its host, for people."""
        return f"process {self.pid} on {self.where.partition(' ')[0]}"

    @property
    def is_gone(self) -> bool:
        """Whether the process has ended, if it is seen."""
        return born(self.pid) != self.born


@dataclass(frozen=True)
class Lease:
    """A lease that this process was given.

    Attributes:
        path: Its file.
        descriptor: The file, open; the heartbeat goes there, whatever has taken its place.
    """

    path: Path
    descriptor: int
    _stop: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    @property
    def is_lost(self) -> bool:
        """Whether another process has taken it over, as after a long stop of this one."""
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(self.descriptor))
        except OSError:
            return True

    def beat(self) -> None:
        """Renew the heartbeat until the lease is given back."""
        while not self._stop.wait(HEARTBEAT_SECONDS):
            with suppress(OSError):
                os.utime(self.descriptor)

    def give_back(self, beating: threading.Thread) -> None:
        """End the heartbeat and remove the file, if it is still this one."""
        self._stop.set()
        beating.join()
        with suppress(OSError):  # free for all from here on, also if the lock cannot be had
            os.utime(self.descriptor, (0, 0))
        with locked(lock_of(self.path.parent), _PATIENCE) as mine:
            if mine and not self.is_lost:
                self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


@contextmanager
def claim(path: Path, work: str = "") -> Iterator[Lease | None]:
    """Claim a lease file for the block; yields the lease, or None if another process holds it.

    A lease whose holder is gone is taken over. ``work`` says what this process does with it, for people.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lease = _create(path, work)
    if lease is None and _is_stale(path):
        lease = _take_over(path, work)
    if lease is None:
        yield None
        return
    with kept(lease):
        yield lease


@contextmanager
def kept(lease: Kept) -> Iterator[None]:
    """Renew the heartbeat of a lease during the block, and give the lease back."""
    beating = threading.Thread(target=lease.beat, daemon=True)
    beating.start()
    try:
        yield
    finally:
        lease.give_back(beating)


def check_held(hold: Hold) -> None:
    """Go on if what a process has is still its own.

    Raises:
        LeaseLost: It is not.
    """
    if hold.is_lost:
        raise LeaseLost(f"{hold.name} was taken over; the other process goes on with the work")


def while_held(leases: Sequence[Hold], report: Report) -> Report:
    """Return a report that ends the work, with ``LeaseLost``, once another process has taken a lease over.

    ``leases`` are those that are held when something is reported.
    """

    def checked(event: dict[str, Any]) -> None:
        for lease in leases:
            check_held(lease)
        report(event)

    return checked


def is_held(path: Path) -> bool:
    """Return whether somebody alive holds a lease."""
    return path.exists() and not _is_stale(path)


def drop_stale(folder: Path) -> None:
    """Remove the leases in a folder that nobody holds."""
    if not folder.is_dir():
        return
    with locked(lock_of(folder), _PATIENCE) as mine:
        for path in folder.iterdir() if mine else ():
            if not path.name.startswith(".") and _is_stale(path):
                path.unlink(missing_ok=True)


def _create(path: Path, work: str) -> Lease | None:
    """Make the lease file, whole: it is written under another name and linked into place."""
    token = uuid.uuid4().hex[:8]
    me = Holder(neighbourhood(), os.getpid(), born(os.getpid()), token, work)
    draft = path.with_name(f".tmp-{mark()}-{os.getpid()}-{token}-{path.name}")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        os.write(
            descriptor,
            json.dumps({key: value for key, value in asdict(me).items() if value or key != "work"}).encode(),
        )
        os.link(draft, path)
    except BaseException as error:
        # NFS may link a file, lose the answer, and say of the second try that the name is there.
        if not (isinstance(error, FileExistsError) and os.fstat(descriptor).st_nlink > 1):
            os.close(descriptor)
            if isinstance(error, FileExistsError):
                return None
            raise
    finally:
        draft.unlink(missing_ok=True)
    return Lease(path, descriptor)


def read_holder(path: Path) -> Holder | None:
    """Return who holds a lease, or held it; None if the file is gone or cannot be read."""
    try:
        holder = Holder(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return holder if isinstance(holder.pid, int) else None


def _is_stale(path: Path) -> bool:
    """Return whether a lease is nobody's: given back, its holder gone, or silent for long."""
    try:
        if os.stat(path).st_mtime == 0:
            return True
        holder = read_holder(path)
        if holder is not None and holder.is_seen:
            return holder.is_gone
        return seconds_since(path) > STALE_SECONDS
    except OSError:
        return True


def _take_over(path: Path, work: str) -> Lease | None:
    """Put a lease of this process in the place of a stale one, if nobody was faster."""
    with locked(lock_of(path.parent), _PATIENCE) as mine:
        if not mine:
            return None
        if path.exists():
            if not _is_stale(path):
                return None
            path.unlink()
        sweep(path.parent.glob(".tmp-*"))
        return _create(path, work)
