"""What was made of a store's records, and of which: nothing is made anew that would come out the same."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from layerlab.analysis.stored.seal import RECORD
from layerlab.files import write_text
from layerlab.names import plural

_FILE: Final = "made.json"
_PACKAGE: Final = Path(__file__).resolve().parents[2]


def digest_inputs(store: Path) -> str:
    """Return a digest of all that frames, tables and figures of a store are made of.

    These are the plan, the study, the records of complete nodes (by size and time of writing: a record is
    never written twice), the code of layerlab and the modules that the study imports.
    """
    total = hashlib.sha256(f"{version('layerlab')} {_code_time()}\n".encode())
    for name in ("manifest.json", "study.yaml"):
        total.update((store / name).read_bytes() + b"\n")
    manifest = json.loads((store / "manifest.json").read_bytes())
    for name in manifest.get("imports", ()):
        file = getattr(sys.modules.get(name), "__file__", None)
        total.update(f"{name} {os.stat(file).st_mtime_ns if file else 0}\n".encode())
    for kind, ids in manifest["nodes"].items():
        for node_id in ids:
            try:
                stat = os.stat(f"{store}/{plural(kind)}/{node_id}/{RECORD}")
            except OSError:
                continue
            total.update(f"{kind} {node_id} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return total.hexdigest()


def made_of(store: Path, what: str, digest: str) -> list[Path]:
    """Return the files that were made of these inputs; empty if they were not, or some are not whole."""
    inputs, sizes = _noted(store, what)
    whole = inputs == digest and all(_size_of(path) == size for path, size in sizes.items())
    return list(sizes) if whole else []


def note_made(store: Path, what: str, digest: str, files: Iterable[Path]) -> None:
    """Note what was made of which inputs, and remove what was made before and is not any more.

    A file that has changed since it was made is left alone.
    """
    sizes = {os.path.relpath(path, store): _size_of(path) for path in files}
    for path, size in _noted(store, what)[1].items():
        if os.path.relpath(path, store) not in sizes and size is not None and _size_of(path) == size:
            path.unlink()
    note = {"inputs": digest, "files": sizes}
    write_text(store / _FILE, json.dumps({**_read(store), what: note}, indent=1))


def _noted(store: Path, what: str) -> tuple[str, dict[Path, int | None]]:
    """Return the digest of inputs that was noted, and the size of each file inside the store."""
    made = _read(store).get(what)
    if not isinstance(made, dict) or not isinstance(made.get("files"), dict):
        return "", {}
    sizes = {store / name: size for name, size in made["files"].items() if ".." not in Path(name).parts}
    return str(made.get("inputs")), {path: size for path, size in sizes.items() if path.is_relative_to(store)}


def _read(store: Path) -> dict[str, Any]:
    try:
        known = json.loads((store / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _size_of(path: Path) -> int | None:
    """Return the bytes of a file; None if there is none."""
    return path.stat().st_size if path.is_file() else None


def _code_time() -> int:
    """Return when the newest of layerlab's modules was written."""
    return max(path.stat().st_mtime_ns for path in _PACKAGE.rglob("*.py"))
