"""Files: read as text or JSON, digested, and written so that a reader sees all of one or nothing.

Nothing here imports torch.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from layerlab.disk import open_up, writing
from layerlab.errors import DataError, LayerlabError
from layerlab.processes import born, mark

Raises = type[LayerlabError]
# Begins the names of files and folders that are not whole yet.
_PARTIAL: Final = ".tmp-"
#: Names the folder of all that layerlab keeps for a user.
CACHE_VARIABLE: Final = "LAYERLAB_CACHE"
# What a process elsewhere began to write so many seconds ago is not finished any more.
_FORGOTTEN: Final = 86400.0


def read_text(path: str | Path, error: Raises = DataError) -> str:
    r"""Return the text of a UTF-8 file, a byte-order mark left off and every line ended by ``\n``.

    Args:
        path: The file.
        error: What is raised if it cannot be read.

    Raises:
        LayerlabError: There is no such file, it is a folder, or it holds something else than text.
    """
    data = read_bytes(path, error)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise error(f"{path}: UTF-16 text; expected UTF-8") from fault
        line = data[: fault.start].count(b"\n") + 1
        raise error(f"{path}:{line}: not UTF-8 (byte {data[fault.start]:#04x})") from fault
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise error(f"{path}:{line}: holds a NUL character; expected text in UTF-8")
    return text.replace("\r\n", "\n")


def read_bytes(path: str | Path, error: Raises = DataError) -> bytes:
    """Return the bytes of a file.

    Raises:
        LayerlabError: There is no such file, it is a folder, or it may not be read.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as fault:
        raise error(f"{path}: cannot be read (no such file)") from fault
    except OSError as fault:
        raise error(f"{path}: cannot be read ({fault.strerror or fault})") from fault


def read_json(path: str | Path, error: Raises = DataError) -> Any:
    """Return the value of a JSON file.

    Raises:
        LayerlabError: There is no such file, or it holds no JSON, such as one that was cut off.
    """
    try:
        value = json.loads(read_text(path, error))
    except json.JSONDecodeError as fault:
        raise error(f"{path}:{fault.lineno}: not JSON ({fault.msg}); is the file cut off?") from fault
    except (ValueError, RecursionError) as fault:
        raise error(f"{path}: not JSON ({fault})") from fault
    return value


def fault_of_text(text: str) -> str | None:
    r"""Return what keeps a text from being UTF-8 text, or None.

    JSON may hold half of a character, which no tokenizer takes and no file can be written with.

    >>> fault_of_text("riba"), fault_of_text("riba" + chr(0xD83D)), fault_of_text("a\0b")
    (None, 'a lone surrogate (U+D83D)', 'the character NUL (U+0000)')
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as fault:
        return f"a lone surrogate (U+{ord(text[fault.start]):04X})"
    return "the character NUL (U+0000)" if "\0" in text else None


def leaves_folder(name: str) -> bool:
    """Return whether a name, used as a path below a folder, would lead out of it.

    >>> leaves_folder("de"), leaves_folder("../de"), leaves_folder("/de")
    (False, True, True)
    """
    return Path(name).is_absolute() or ".." in Path(name).parts


def write_text(path: str | Path, text: str, *, flush: bool = True) -> None:
    """Write a text file so that a reader sees the old one or the new one, never a part.

    Without ``flush`` it may be lost or cut off when the machine loses its power.
    """
    with replacing(path, flush=flush) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_changed(path: str | Path, text: str) -> None:
    """Write a text file unless it holds this text already."""
    with suppress(OSError, ValueError):
        if Path(path).read_text(encoding="utf-8") == text:
            return
    write_text(path, text)


def holds_json(path: str | Path, text: str) -> bool:
    """Return whether a file holds a JSON text, however it is laid out."""
    try:
        there = Path(path).read_text(encoding="utf-8")
        return there == text or bool(json.loads(there) == json.loads(text))
    except (OSError, ValueError):
        return False


def write_json(path: str | Path, value: object) -> None:
    """Write JSON for people, all or nothing: indented, and with scripts other than Latin kept."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False))


@contextmanager
def replacing(path: str | Path, *, flush: bool = True) -> Iterator[Path]:
    """Yield a path to write to; when the block ends without an error, that file takes the place of ``path``.

    The folder is made. The file to write has the ending of ``path``, and is flushed to disk before it moves,
    unless it is not worth the time.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "a" / "b.txt") as beside:
    ...         _ = beside.write_text("all")
    ...     (Path(folder) / "a" / "b.txt").read_text()
    'all'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path)
    try:
        with writing(path):
            yield beside
            open_up(beside)
            if flush:
                sync(beside)
            beside.replace(path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


@contextmanager
def publishing(folder: str | Path, marker: str = "") -> Iterator[Path]:
    """Yield a folder to fill; when the block ends without an error, it becomes ``folder`` by rename.

    What killed processes of this machine left beside ``folder`` is removed first.

    Args:
        folder: It is not there, is empty, or becomes complete meanwhile by another process.
        marker: A file that a complete folder holds. If ``folder`` holds it at the end, it stays as it is and
            the new one is dropped; without a marker, or without the file, that is an error.

    Raises:
        OSError: The folder is there and holds something else, or what was filled was taken away meanwhile.
    """
    folder = Path(folder)
    sweep(partials(folder))
    beside = _beside(folder)
    beside.mkdir(parents=True)
    made = os.open(beside, os.O_RDONLY)
    try:
        with writing(folder):
            yield beside
            for path in beside.rglob("*"):
                if path.is_file():
                    open_up(path)
                sync(path)
        try:
            _check_same(made, beside)
            beside.rename(folder)
        except OSError:
            if not (marker and (folder / marker).is_file()):
                raise
        sync(folder.parent)
    finally:
        os.close(made)
        shutil.rmtree(beside, ignore_errors=True)


def _check_same(descriptor: int, folder: Path) -> None:
    """Check that a folder is the one that was opened: one that was removed may be there again, in part."""
    if not os.path.samestat(os.fstat(descriptor), os.stat(folder)):
        raise FileNotFoundError(errno.ENOENT, "another process has removed it", str(folder))


def partials(path: str | Path) -> list[Path]:
    """Return the half-written files and folders that are to become ``path``, by any process."""
    path = Path(path)
    found = (one for one in path.parent.glob(f"{_PARTIAL}*-{path.name}") if one.name.count("-") >= 4)
    return [one for one in found if one.name.split("-", 4)[4] == path.name]


def remove(path: str | Path) -> None:
    """Remove a file, or a folder with all that is in it, as far as that can be done."""
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def sweep(left: Iterable[Path]) -> None:
    """Remove those of some files and folders that are half-written and whose writers are gone."""
    for path in left:
        if path.name.startswith(_PARTIAL) and path.name.count("-") >= 4 and not _is_alive(path):
            remove(path)


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def user_cache() -> Path:
    """Return the folder of all that layerlab keeps for a user: ``LAYERLAB_CACHE``, or in the cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "layerlab"


def digest_file(path: str | Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits; one that has not changed is read once."""
    path = Path(path).absolute()
    stat = path.stat()
    return _digest_file(path, stat.st_size, stat.st_mtime_ns)


@functools.lru_cache(maxsize=1024)
def _digest_file(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_values(values: Iterable[object]) -> str:
    """Return 16 hexadecimal digits that stand for plain values, in their order.

    >>> digest_values([["sova", "letí"]]) == digest_values([("sova", "letí")])
    True
    """
    total = hashlib.sha256()
    for value in values:
        total.update(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
    return total.hexdigest()[:16]


def _beside(path: Path) -> Path:
    """Return a new name beside a path that says which process of which machine writes there."""
    return path.with_name(f"{_PARTIAL}{mark()}-{os.getpid()}-{uuid.uuid4().hex[:8]}-{path.name}")


def _is_alive(partial: Path) -> bool:
    """Return whether the process that writes a partial file or folder may still be at work.

    One that this process cannot see may be, for a day after the last sign of it.
    """
    _, where, process, *_ = partial.name.split("-")
    if where == mark() and process.isdigit():
        return born(int(process)) != ""
    try:
        return abs(time.time() - partial.stat().st_mtime) < _FORGOTTEN
    except OSError:
        return False
