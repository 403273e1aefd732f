"""A results directory's nodes in an object store, where other hosts find them, and theirs come from.

Each host keeps a results directory of its own. What is complete in it is copied to the store, files first and
the record last: so a node is there whole, or not yet. What is complete there and not
here is copied here, compared with the digests of its record, and published as if it had been made here.
Checkpoints, progress and logs stay where they are.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from layerlab.analysis.stored.seal import RECORD, changed_files
from layerlab.errors import StoreError
from layerlab.files import leaves_folder, publishing, write_json, write_text
from layerlab.names import plural
from layerlab.nodes.store.mirror.lease import Observed, RemoteLease
from layerlab.nodes.store.mirror.remote import Remote, open_remote
from layerlab.nodes.store.store import Store

Nodes = Mapping[str, Iterable[str]]
Parts = Mapping[str, Sequence[str]]

#: File of a results directory that says where its mirror is.
FILE: Final = "mirror.json"
_JOBS: Final = "jobs.jsonl.gz"
_PLAN: Final = ("manifest.json", "study.yaml")
#: Frames beside the nodes, which others read at the URL.
_FRAMES: Final = ("records.csv", "nodes.csv", "trajectories.csv", "counts.npz")
_FAILURE: Final = ("error.json", "traceback.txt")
# How long what was listed of leases is believed, in seconds.
_LISTED_SECONDS: Final = 5.0
_AT_ONCE: Final = 8  # copies


@dataclass
class Mirror:
    """The object store of a results directory.

    Attributes:
        remote: The folder there.
        observed: Its leases as this process saw them.
    """

    remote: Remote
    observed: Observed
    _held: tuple[float, frozenset[str]] = field(default=(float("-inf"), frozenset()), repr=False)

    def is_held(self, node_id: str) -> bool:
        """Return whether somebody holds a node's lease, as of some seconds ago, or of the last answer."""
        listed, held = self._held
        if time.monotonic() - listed > _LISTED_SECONDS:
            with suppress(OSError):
                held = self.observed.held()
            self._held = time.monotonic(), held
        return node_id in held

    def send(self, store: Store, kind: str, node_id: str, lease: RemoteLease | None = None) -> None:
        """Copy a complete node there; what is there already is replaced, unless it is the same.

        Raises:
            OSError: It cannot be written.
            LeaseLost: Another host took the node over meanwhile.
        """
        folder, there = store.folder(kind, node_id), f"{plural(kind)}/{node_id}"
        record = (folder / RECORD).read_bytes()
        if self.remote.read(f"{there}/{RECORD}") == record:
            return
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != RECORD:
                self.remote.send(path, f"{there}/{path.relative_to(folder).as_posix()}")
        if lease is not None:
            lease.look()
        self.remote.write(f"{there}/{RECORD}", record)

    def bring(self, store: Store, kind: str, node_id: str, without: Iterable[str] = ()) -> bool:
        """Copy a complete node here, unless it is complete here; return whether it is now.

        Args:
            store: The results directory.
            kind: Of the node.
            node_id: Which one.
            without: Parts that are left there, such as its weights.
        """
        if store.is_done(kind, node_id):
            return True
        there, folder = f"{plural(kind)}/{node_id}", store.folder(kind, node_id)
        record = self.remote.read(f"{there}/{RECORD}")
        if record is None:
            return False
        inside = [name.removeprefix(f"{there}/") for name in self.remote.signs(there)]
        parts = tuple(without)
        wanted = [name for name in inside if name != RECORD and name.partition("/")[0] not in parts]
        try:
            with publishing(folder, marker=RECORD) as made:
                self._fetch(there, wanted, made)
                (made / RECORD).write_bytes(record)
                if changed := changed_files(made):
                    raise StoreError(f"{self.remote.url}/{there}: {', '.join(changed)}: not what was written")
        except (FileNotFoundError, StoreError):  # being written, or damaged: made again under a lease
            return False
        return store.is_done(kind, node_id)

    def bring_part(self, store: Store, kind: str, node_id: str, part: str) -> bool:
        """Copy a part of a complete node here that was left there; return whether it is here now."""
        folder, there = store.folder(kind, node_id), f"{plural(kind)}/{node_id}/{part}"
        inside = [name.removeprefix(f"{there}/") for name in self.remote.signs(there)]
        if (folder / part).is_dir() or not inside:
            return (folder / part).is_dir()
        with publishing(folder / part, marker=inside[0]) as made:
            self._fetch(there, inside, made)
        if changed_files(folder):
            store.remove(folder / part)
            return False
        return True

    def bring_all(self, store: Store, nodes: Nodes, parts: Parts) -> None:
        """Copy what is complete there and not here, without weights.

        Args:
            store: The results directory.
            nodes: Ids of the plan's nodes by kind.
            parts: By kind: what is left there.
        """
        missing = {
            kind: self._there(kind).intersection(ids) - store.done(kind) for kind, ids in nodes.items()
        }
        _at_once(lambda kind, one: self.bring(store, kind, one, parts.get(kind, ())), missing)

    def send_all(self, store: Store, nodes: Nodes) -> None:
        """Copy what is complete here and not there, such as what a network without answer left.

        Raises:
            OSError: It cannot be written.
        """
        missing = {
            kind: store.done(kind).intersection(ids) - self._there(kind) for kind, ids in nodes.items()
        }
        _at_once(partial(self.send, store), missing)

    def send_plan(self, store: Store, jobs: Iterable[Mapping[str, Any]]) -> None:
        """Copy the plan there, and what each of its nodes needs to be carried out.

        Raises:
            StoreError: Another study's results are there.
        """
        there = json.loads(self.remote.read(_PLAN[0]) or b"{}").get("study")
        mine = (store.read_manifest() or {}).get("study")
        if there not in (None, mine):
            raise StoreError(
                f"{self.remote.url} holds the results of the study {there!r}, this is {mine!r}; give each "
                "study a folder of its own"
            )
        lines = "\n".join(json.dumps(job) for job in jobs)
        self.remote.write(_JOBS, gzip.compress(lines.encode(), mtime=0))
        self._send_files(store, _PLAN)

    def bring_plan(self, store: Store) -> None:
        """Copy the plan here, where there is none.

        Raises:
            StoreError: None is there either.
        """
        packed = self.remote.read(_JOBS)
        if packed is None:
            raise StoreError(
                f"{self.remote.url} holds no study; `layerlab run STUDY --mirror URL` puts it there"
            )
        for name in _PLAN:
            text = self.remote.read(name) or b""
            write_text(store.root / name, text.decode())
        for line in gzip.decompress(packed).decode().splitlines():
            job = json.loads(line)
            store.write_job(str(job["id"]), job)

    def send_frames(self, store: Store) -> None:
        """Copy the tidy frames there, for those who read results at the URL."""
        self._send_files(store, _FRAMES)

    def send_failure(self, store: Store, node_id: str) -> None:
        """Copy the message of a failure there."""
        self._send_files(store, [f"failed/{node_id}/{name}" for name in _FAILURE])

    def bring_failure(self, store: Store, node_id: str) -> None:
        """Move the message of a failure here, if there is one."""
        for name in _FAILURE:
            path = f"failed/{node_id}/{name}"
            if (text := self.remote.read(path)) is not None:
                write_text(store.root / path, text.decode())
                self.remote.remove(path)

    def _there(self, kind: str) -> frozenset[str]:
        """Return the ids of the nodes of a kind that have a record there."""
        found = self.remote.signs(plural(kind))
        return frozenset(name.split("/")[1] for name in found if name.endswith(f"/{RECORD}"))

    def _send_files(self, store: Store, names: Iterable[str]) -> None:
        for name in names:
            if (store.root / name).is_file():
                self.remote.send(store.root / name, name)

    def _fetch(self, there: str, names: Iterable[str], folder: Path) -> None:
        for name in names:
            if leaves_folder(name):
                raise StoreError(f"{self.remote.url}/{there}: {name!r} leads out of its folder")
            self.remote.fetch(f"{there}/{name}", folder / name)


def _at_once(copy: Callable[[str, str], object], nodes: Nodes) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in [pool.submit(copy, kind, one) for kind, ids in nodes.items() for one in ids]:
            done.result()


@cache
def open_mirror(url: str) -> Mirror:
    """Return the mirror at a URL, one a process.

    Raises:
        StoreError: It cannot be opened.
    """
    remote = open_remote(url)
    return Mirror(remote, Observed(remote))


def mirror_of(store: Store) -> Mirror | None:
    """Return the mirror of a results directory; None if it has none."""
    try:
        text = (store.root / FILE).read_text(encoding="utf-8")
    except OSError:
        return None
    try:
        return open_mirror(str(json.loads(text)["url"]))
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{store.root / FILE} is damaged ({error!r}); run the study with --mirror again"
        ) from error


def join_mirror(store: Store, url: str) -> Mirror:
    """Note where a results directory has its mirror, and return it.

    Raises:
        StoreError: It cannot be opened, or the directory has another one.
    """
    mirror, known = open_mirror(url), mirror_of(store)
    if known is not None and known.remote.url != url:
        raise StoreError(f"{store.root} has its mirror at {known.remote.url}, not at {url}")
    store.root.mkdir(parents=True, exist_ok=True)
    write_json(store.root / FILE, {"url": url})
    return mirror
