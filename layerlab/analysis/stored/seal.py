"""Seals: whether what a node left is still what it wrote, by sums in its record.

A record ends with the sizes and SHA-256 of the other files of its folder, and with a sum of its own text.
Reading a record checks its text; files are compared by size at a look, and by digest before they are used.
Records of older versions have no seal: of them a look can say only whether they are JSON.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from layerlab.files import digest_file

RECORD: Final = "record.json"
# Files that no node reads, such as a model card, and that anyone may change.
_FOR_READERS: Final = (".md", ".pdf", ".png")
_FILES: Final = b'\n "files": '
_CHECK = re.compile(rb',\n "check": "([0-9a-f]{8})"\n}$')
_CHECK_BYTES: Final = len(',\n "check": "00000000"\n}')


def seal(folder: Path) -> None:
    """Write sizes and digests of a folder's files, and a sum of all that, into its record.

    Raises:
        OSError: There is no record.
        ValueError: It is no JSON object.
    """
    plain = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    if not isinstance(plain, dict):
        raise ValueError(f"expected a JSON object, got a {type(plain).__name__}")
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": digest_file(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / RECORD and path.suffix not in _FOR_READERS
    }
    (folder / RECORD).write_bytes(sealed(plain, files))


def sealed(plain: Mapping[str, Any], files: Mapping[str, Any]) -> bytes:
    """Return a record's text with its seal.

    Args:
        plain: The record.
        files: Of the other files of its folder, ``bytes`` and ``sha256`` by name.
    """
    inside = {key: value for key, value in plain.items() if key not in ("files", "check")}
    body = json.dumps(inside | {"files": files}, indent=1, ensure_ascii=False)[: -len("\n}")].encode()
    return body + f',\n "check": "{zlib.crc32(body):08x}"\n}}'.encode()


def fault_of(folder: Path) -> str | None:
    """Return what is wrong with a node's folder at a look, in words; None if nothing is.

    Sizes of its files are compared, digests are not, see :func:`changed_files`.
    """
    return look_at(folder).fault


@dataclass(frozen=True)
class Look:
    """What a look at a node's folder gives.

    Attributes:
        fault: What is wrong with it, in words; None if nothing is.
        data: The record as it lies on the disk; empty if it cannot be read.
        sizes: Bytes of the other files as they were written, by name.
    """

    fault: str | None
    data: bytes = b""
    sizes: Mapping[str, int] = field(default_factory=dict)


def look_at(folder: Path) -> Look:
    """Read a node's record once, and compare the sizes of the other files."""
    try:
        with open(f"{folder}/{RECORD}", "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return Look(f"there is no {RECORD}")
    except OSError as error:
        return Look(f"{RECORD} cannot be read ({error.strerror})")
    fault, files = _read(data)
    if fault is not None:
        return Look(f"{RECORD} {fault}", data)
    sizes = {name: about["bytes"] for name, about in files.items()}
    return Look(fault_of_sizes(str(folder), sizes), data, sizes)


def fault_of_sizes(folder: str, sizes: Mapping[str, int]) -> str | None:
    """Return which file of a node's folder has not the size that it was written with, in words."""
    for name, wanted in sizes.items():
        try:
            size = os.stat(f"{folder}/{name}").st_size
        except OSError:
            if not _is_pruned(Path(folder), name):
                return f"{name} is not there"
        else:
            if size != wanted:
                return f"{name} has {size} bytes, it was written with {wanted}"
    return None


def changed_files(folder: Path) -> list[str]:
    """Return the files of a node's folder that are not what they were; a file is read once a process.

    Parts that were pruned do not count, and files of records without a seal are taken to be right.
    """
    try:
        _, files = _read((folder / RECORD).read_bytes())
    except OSError:
        return [RECORD]
    found = []
    for name, about in files.items():
        try:
            same = digest_file(folder / name) == about["sha256"]
        except OSError:
            same = _is_pruned(folder, name)
        if not same:
            found.append(name)
    return found


def _read(data: bytes) -> tuple[str | None, Mapping[str, Any]]:
    """Return what is wrong with a record's text, and its files."""
    if (check := _CHECK.search(data[-_CHECK_BYTES:])) is None:
        try:
            plain = json.loads(data)
        except (ValueError, RecursionError):
            return "is cut off or no JSON", {}
        if not isinstance(plain, dict):
            return f"holds a JSON {type(plain).__name__}, expected an object", {}
        files = plain.get("files")
        return None, files if isinstance(files, dict) and all(map(_is_about, files.values())) else {}
    body = data[:-_CHECK_BYTES]
    if zlib.crc32(body) != int(check[1], 16):
        return "is not what was written (its sum differs)", {}
    return None, json.loads(body[body.rindex(_FILES) + len(_FILES) :])


def _is_about(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"bytes", "sha256"}


def _is_pruned(folder: Path, name: str) -> bool:
    """Return whether the part of a folder that a file belongs to was removed on purpose."""
    part, inside, _ = name.partition("/")
    return bool(inside) and not (folder / part).exists()
