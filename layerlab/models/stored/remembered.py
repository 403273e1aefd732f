"""What was found out about a checkpoint, kept in the user's cache by the digest of its content."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import Any

from layerlab.files import user_cache, write_text

# Raised when what is found out, or how it is checked, changes.
_VERSION = 1


def remembered(kind: str, digest: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return plain values that depend on a checkpoint's content alone; they are made once on a machine.

    Importing PyTorch and building a model takes seconds, reading what is remembered a millisecond. What
    cannot be read or written is made again.

    Args:
        kind: What is found out.
        digest: The checkpoint's.
        make: Finds it out; an error is not remembered.
    """
    known = recall(kind, digest)
    if known is not None:
        return known
    made = make()
    with suppress(OSError):
        write_text(_file(kind, digest), json.dumps(made))
    return made


def recall(kind: str, digest: str) -> dict[str, Any] | None:
    """Return what is remembered; None if nothing is."""
    try:
        known = json.loads(_file(kind, digest).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) else None


def _file(kind: str, digest: str) -> Any:
    name = hashlib.sha256(f"{_VERSION} {_library()} {digest}".encode()).hexdigest()[:24]
    return user_cache() / "checkpoints" / f"{kind}-{name}.json"


@functools.cache
def _library() -> str:
    return version("transformers")
