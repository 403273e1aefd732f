"""A folder in an object store, with the one thing that sharing needs: a file is created by one process alone.

Of S3 and Google Cloud Storage that is a write on condition that nothing is there (``If-None-Match``, and
generation 0), which their fsspec packages offer; of a disk it is a hard link. File systems where the package
only looks first and then writes are refused.
"""

from __future__ import annotations

import inspect
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from layerlab.analysis.stored.remote import sign_of
from layerlab.errors import StoreError

_DISKS: Final = ("file", "local")
_MEMORY: Final = ("memory",)
_BUCKETS: Final = ("s3", "s3a", "gs", "gcs")


@dataclass(frozen=True)
class Remote:
    """A folder at a URL; names of its files are relative to it.

    Attributes:
        url: Where it is.
        files: The file system.
        root: The folder there.
    """

    url: str
    files: Any
    root: str

    def read(self, name: str) -> bytes | None:
        """Return what a file holds; None if it is not there."""
        with suppress(FileNotFoundError), self._reached():
            data: bytes = self.files.cat_file(self._path(name))
            return data
        return None

    def write(self, name: str, data: bytes) -> None:
        """Write a file; it appears whole."""
        path = self._path(name)
        if self.protocol in _DISKS:
            os.replace(self._draft(path, data), path)
            return
        with self._reached():
            self.files.pipe_file(path, data)

    def create(self, name: str, data: bytes) -> bool:
        """Write a file that is not there; return False if it is, by whoever was first."""
        path = self._path(name)
        with suppress(FileExistsError), self._reached():
            if self.protocol in _DISKS:
                draft = self._draft(path, data)
                try:
                    os.link(draft, path)
                finally:
                    os.unlink(draft)
            elif self.protocol in _MEMORY:
                with self.files.open(path, "xb") as file:
                    file.write(data)
            else:
                self.files.pipe_file(path, data, mode="create")
            return True
        return False

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with suppress(FileNotFoundError), self._reached():
            self.files.rm_file(self._path(name))

    def send(self, path: Path, name: str) -> None:
        """Copy a file there."""
        if self.protocol in _DISKS:
            self.write(name, path.read_bytes())
            return
        with self._reached():
            self.files.put_file(str(path), self._path(name))

    def fetch(self, name: str, path: Path) -> None:
        """Copy a file here.

        Raises:
            FileNotFoundError: It is not there.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._reached():
            self.files.get_file(self._path(name), str(path))

    def signs(self, folder: str) -> Mapping[str, str]:
        """Return the names of the files below a folder, each with what changes when it is written again."""
        with self._reached():
            found = self.files.find(self._path(folder), detail=True)
        here = len(self._path("")) + 1
        signs = {str(path)[here:]: sign_of(about) for path, about in found.items()}
        return {name: sign for name, sign in signs.items() if ".tmp-" not in name}

    @property
    def protocol(self) -> str:
        """The first of the file system's names."""
        given = self.files.protocol
        return str(given if isinstance(given, str) else given[0])

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Let errors of a network, which each package has kinds of its own for, be errors of the system."""
        try:
            yield
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{self.url}: {error}") from error

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}".rstrip("/")

    def _draft(self, path: str, data: bytes) -> str:
        folder, _, name = path.rpartition("/")
        os.makedirs(folder, exist_ok=True)
        draft = f"{folder}/.tmp-{uuid.uuid4().hex[:8]}-{name}"
        with open(draft, "xb") as file:
            file.write(data)
        return draft


def open_remote(url: str) -> Remote:
    """Return the folder at a URL.

    Raises:
        StoreError: Nothing installed opens it, or it cannot create a file by one process alone.
    """
    import fsspec

    try:
        files, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except (ImportError, ValueError, OSError) as error:
        raise StoreError(f"{url} cannot be opened: {error}") from error
    remote = Remote(url, files, root.rstrip("/"))
    known = (*_DISKS, *_MEMORY, *_BUCKETS)
    if remote.protocol not in known:
        raise StoreError(
            f"{url}: results cannot be shared through {remote.protocol!r}, where no file is created by one "
            f"process alone; expected one of {', '.join(known)}"
        )
    if remote.protocol in _BUCKETS:
        write = getattr(files, "_pipe_file", files.pipe_file)
        if "mode" not in inspect.signature(write).parameters:
            name = type(files).__module__.partition(".")[0]
            raise StoreError(f"{url}: this version of {name} cannot write on condition; install a newer one")
    return remote
