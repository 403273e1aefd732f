"""Results at a URL such as ``s3://bucket/study``, read by fsspec into a copy that a user's cache keeps.

Only what tables and figures are made of is fetched, no weights, and only files that changed. An object store
shows a file whole or not at all, but not a folder: a node counts once its record is there and the files
beside it have the sizes that the record names, so a study is read rightly while it is being copied there.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from layerlab.errors import RecordsError
from layerlab.files import digest_values, leaves_folder, user_cache, write_json

_URL: Final = re.compile(r"([a-z][a-z0-9+.-]+):/(/?)(.+)")
# Folders of a results directory that nothing is made of.
_OTHERS: Final = frozenset(
    {"work", "leases", "events", "cache", "jobs", "damaged", "tables", "figures", "logs", "report", "runners"}
)
# What file systems say of a file that changes when it is written.
_SIGNS: Final = (
    "size", "ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "created",
)  # fmt: skip
# Their paths begin with a slash.
_OF_DISKS: Final = ("file", "local")
_FETCHED: Final = ".fetched.json"


def url_of(name: str | os.PathLike[str]) -> str | None:
    """Return the URL that a name stands for, also where a path has lost one of its slashes; else None.

    >>> url_of("s3://bucket/study"), url_of(Path("s3://bucket/study")), url_of("results/study")
    ('s3://bucket/study', 's3://bucket/study', None)
    """
    found = _URL.fullmatch(os.fspath(name))
    if found is None:
        return None
    scheme, _, rest = found.groups()
    return f"{scheme}://{'/' if scheme in _OF_DISKS and not rest.startswith('/') else ''}{rest}"


def local_of(name: str | os.PathLike[str]) -> Path:
    """Return where results are: a path as it is, of a URL the copy in the cache, which is brought up to date.

    Raises:
        RecordsError: There is nothing at a URL, or nothing installed reads it.
    """
    url = url_of(name)
    return Path(name) if url is None else _fetch(url)


def sign_of(about: Mapping[str, Any]) -> str:
    """Return what changes when a file is written again, of what a file system says of it."""
    return " ".join(str(about.get(sign)) for sign in _SIGNS)


def _fetch(url: str) -> Path:
    import fsspec

    folder = user_cache() / "remote" / digest_values([url])
    try:
        files, root = fsspec.core.url_to_fs(url)
        if files.isfile(root):
            there = {Path(root).name: files.info(root)}
            root = root.rpartition("/")[0]
        else:
            found = files.find(root, detail=True)
            there = {path[len(root) :].lstrip("/"): about for path, about in found.items()}
        there = {name: about for name, about in there.items() if _is_wanted(name)}
        if not there:
            raise FileNotFoundError
        _bring(files, root, there, folder)
    except ImportError as error:
        raise RecordsError(f"{url}: {error}") from error
    except FileNotFoundError as error:
        raise RecordsError(f"{url} holds no results") from error
    except (OSError, ValueError) as error:
        raise RecordsError(f"{url} cannot be read: {error}") from error
    return folder / next(iter(there)) if len(there) == 1 and "/" not in next(iter(there)) else folder


def _bring(files: Any, root: str, there: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Fetch what changed, and remove what is not there any more."""
    folder.mkdir(parents=True, exist_ok=True)
    signs = {name: sign_of(about) for name, about in there.items()}
    known: Mapping[str, Any] = {}
    with suppress(OSError, ValueError):
        known = json.loads((folder / _FETCHED).read_text(encoding="utf-8"))
    changed = [
        name for name, sign in signs.items() if known.get(name) != sign or not (folder / name).is_file()
    ]
    with tempfile.TemporaryDirectory(dir=folder, prefix=".tmp-") as beside:
        new = [f"{beside}/{number}" for number in range(len(changed))]
        if changed:
            files.get([f"{root}/{name}" for name in changed], new)
        for name, path in zip(changed, new, strict=True):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, folder / name)
    for name in known.keys() - signs.keys():
        (folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # the last file of a node
            (folder / name).parent.rmdir()
    write_json(folder / _FETCHED, signs)


def _is_wanted(name: str) -> bool:
    """Return whether a file is one of the directory itself, or of a node; not of a part such as its weights.

    >>> [_is_wanted(name) for name in ("manifest.json", "runs/ab/record.json", "fits/ab/model/weights")]
    [True, True, False]
    """
    first, *rest = Path(name).parts
    safe = not leaves_folder(name) and not name.startswith(".")
    return safe and (not rest or (len(rest) == 2 and first not in _OTHERS and "." not in rest[0]))
