"""Locks of the kernel on files: held for moments, and free as soon as their process ends."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_POLL_SECONDS: Final = 0.005
# What file systems say that have no such locks.
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


def lock_of(path: Path) -> Path:
    """Return the file beside a folder or file that is locked while things in it are changed."""
    return path.with_name(f".{path.name}.lock")


@contextmanager
def locked(path: Path, patience: float) -> Iterator[bool]:
    """Hold the lock of a file for the block; yields whether it was got.

    The file is made, and stays. Where the file system has no locks, the block goes on without one.

    Args:
        path: The file.
        patience: How long to wait for it at most, in seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield _lock(descriptor, time.monotonic() + patience)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, deadline: float) -> bool:
    try:
        import fcntl
    except ImportError:
        return True
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return True
            raise
        else:
            return True
