"""What the disk has to say while something is written: where, why, and how much of it is free."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from layerlab.errors import LayerlabError

# Errors of a disk that has no room left for this user.
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
# Libraries in Rust and C++ give errors of their own, with the system's number in the text.
_NUMBER = re.compile(r"(?:os error |\[?errno )(\d+)", re.IGNORECASE)
# numpy only says that it could not write all of an array.
_SHORT = re.compile(r"\d+ requested and \d+ written")


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Name what is written in the errors that the system gives meanwhile, whichever library passes them on.

    Raises:
        OSError: The disk is full, may not be written to, or is gone.

    >>> with writing("records.csv"):
    ...     raise OSError(errno.ENOSPC, "No space left on device")
    Traceback (most recent call last):
        ...
    OSError: [Errno 28] No space left on device: 'records.csv'
    """
    try:
        yield
    except OSError as error:
        number = error.errno or _number_in(str(error))
        if error.filename is not None or number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error
    except Exception as error:
        number = _number_in(str(error))
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def describe_error(error: OSError) -> str:
    """Say what the system refused, where, and of a full disk how much of it is free."""
    place = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    what = error.strerror or str(error) or type(error).__name__
    if error.errno == errno.ENOENT and not place and not _is_somewhere():
        return "the current directory is gone; change to one that is there"
    if error.errno in _FULL:
        free = free_bytes(error.filename or ".")
        here = f"; {free / 1e6:,.1f} MB are free there" if free is not None else ""
        what += f"{here}. Nothing that was complete is lost: make room, and run the same command again"
    return f"{place}: {what}" if place else what


def free_bytes(path: str | Path) -> int | None:
    """Return how many bytes are free where a path is, or would be; None where the system does not say."""
    here = Path(os.path.abspath(path))
    while not here.exists() and here != here.parent:
        here = here.parent
    try:
        return shutil.disk_usage(here).free
    except OSError:
        return None


def is_read_only(folder: str | Path) -> bool:
    """Return whether a folder lies on a file system that takes nothing, whoever writes."""
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def check_writable(folder: str | Path, error: type[LayerlabError]) -> None:
    """Check that a folder can be written to, or made if it is not there yet; nothing is made.

    Raises:
        LayerlabError: It, or what stands where one above it should be, is a file or may not be written to.
    """
    here = Path(folder).absolute()
    while not os.path.lexists(here) and here != here.parent:
        here = here.parent
    if not here.is_dir():
        what = "a link to nothing" if here.is_symlink() else "a file"
        raise error(f"{here} is {what}; expected a directory that can be written")
    if is_read_only(here) or not os.access(here, os.W_OK | os.X_OK):
        why = "read-only file system" if is_read_only(here) else "permission denied"
        raise error(f"{here} cannot be written to ({why}); give another directory")


def open_up(path: Path) -> None:
    """Give a file the permissions that the umask leaves; some libraries keep theirs to the owner."""
    with suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode | _usual_mode() != mode:
            path.chmod(mode | _usual_mode())


def _usual_mode() -> int:
    """Return the permissions of a new file; the umask is read where that does not change it for others."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        mask = next(int(line.split()[1], 8) for line in lines if line.startswith("Umask:"))
    except (OSError, StopIteration, ValueError):
        mask = os.umask(0)
        os.umask(mask)
    return 0o666 & ~mask


def _number_in(text: str) -> int | None:
    found = _NUMBER.search(text)
    if found is not None:
        return int(found[1])
    return errno.ENOSPC if _SHORT.search(text) else None


def _is_somewhere() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True
