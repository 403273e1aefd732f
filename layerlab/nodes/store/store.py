"""A results directory: one folder a node, complete or not there at all.

Layout::

    manifest.json            the current plan: study name, ids of its nodes by kind
    study.yaml               the study as it was last run
    jobs/<id>.json           what a node needs to be carried out
    <kinds>/<id>/            a complete node: record.json, and what its kind keeps (model/, counts.parquet)
    work/<id>/               checkpoints of a node in progress
    failed/<id>/             traceback.txt and error.json of the last failure
    damaged/<name>/          what was not what it had been written as, with why.txt; it was made again
    leases/<id>              who is at work on a node
    runners/<name>           who carries out the plan now
    slurm/                   jobs that were submitted: notes, scripts, output
    cache/                   what is computed again if it is removed
    events/<id>.jsonl        progress, one JSON object a line
    records.csv, nodes.csv   the tidy frames; tables/ and figures/ beside them
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layerlab.analysis.stored.naming import pack_columns
from layerlab.analysis.stored.seal import RECORD, changed_files, fault_of, seal
from layerlab.disk import describe_error
from layerlab.errors import DamageError, StoreError
from layerlab.files import holds_json, partials, publishing, remove, write_changed, write_json, write_text
from layerlab.names import plural, visible
from layerlab.nodes.store.damage import set_aside
from layerlab.nodes.store.lock import lock_of, locked


@dataclass(frozen=True)
class Store:
    """Paths and atomic writes of a results directory; it knows nodes by kind and id alone.

    Attributes:
        root: The directory; it is made when something is written.
    """

    root: Path
    _kinds: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    # Records that were looked at, by path: time and size then, and what was wrong.
    _seen: dict[str, tuple[int, int, str | None]] = field(default_factory=dict, repr=False, compare=False)

    def folder(self, kind: str, node_id: str) -> Path:
        """Return the folder of a complete node."""
        return self.root / plural(kind) / node_id

    def model(self, node_id: str) -> Path:
        """Return the folder of a complete node's encoder, which is not there if it was pruned."""
        return self.folder(self.kind_of(node_id), node_id) / "model"

    def work(self, node_id: str) -> Path:
        """Return the folder of a node's checkpoints."""
        return self.root / "work" / node_id

    @property
    def cache(self) -> Path:
        """The folder of what is computed again if it is removed, such as states of frozen layers."""
        return self.root / "cache"

    def lease(self, node_id: str) -> Path:
        """Return the lease file of a node."""
        return self.root / "leases" / node_id

    def events(self, node_id: str) -> Path:
        """Return the progress file of a node."""
        return self.root / "events" / f"{node_id}.jsonl"

    def failed(self, node_id: str) -> Path:
        """Return the folder of a node's last failure."""
        return self.root / "failed" / node_id

    def is_done(self, kind: str, node_id: str) -> bool:
        """Return whether a node is complete; one that is damaged is not."""
        return self._fault_of(f"{self.root}/{plural(kind)}/{node_id}") is None

    def done(self, kind: str) -> frozenset[str]:
        """Return the ids of the complete nodes of a kind."""
        folder = f"{self.root}/{plural(kind)}"
        return frozenset(name for name in _names(folder) if self._fault_of(f"{folder}/{name}") is None)

    def fault_of(self, kind: str, node_id: str) -> str | None:
        """Return what is wrong with a node's folder at a look; None if it is complete or not there."""
        folder = self.folder(kind, node_id)
        return self._fault_of(str(folder)) if folder.exists() else None

    def _fault_of(self, folder: str) -> str | None:
        """Return what is wrong with a node's folder; a record that stays as it is is read once."""
        try:
            stat = os.stat(f"{folder}/{RECORD}")
        except OSError:
            return f"there is no {RECORD}"
        seen = self._seen.get(folder)
        if seen is None or seen[:2] != (stat.st_mtime_ns, stat.st_size):
            seen = (stat.st_mtime_ns, stat.st_size, fault_of(Path(folder)))
            self._seen[folder] = seen
        return seen[2]

    def changed_files(self, node_id: str) -> list[str]:
        """Return the files of a complete node that are not what was written; each is read once a process."""
        return changed_files(self.folder(self.kind_of(node_id), node_id))

    def claimed(self) -> frozenset[str]:
        """Return the ids of nodes that have a lease, held or stale."""
        return _names(f"{self.root}/leases")

    def broken(self) -> frozenset[str]:
        """Return the ids of nodes whose last attempt failed."""
        return _names(f"{self.root}/failed")

    def is_complete(self, node_id: str) -> bool:
        """Return whether a node that the store knows is complete."""
        return self.is_done(self.kind_of(node_id), node_id)

    @contextmanager
    def publish(self, kind: str, node_id: str) -> Iterator[Path]:
        """Yield a folder that becomes the node, by rename, when the block ends without an error.

        If another process published the node meanwhile, its result stays and this one is dropped.

        Raises:
            StoreError: The block left no record, or one that is no JSON object.
        """
        with publishing(self.folder(kind, node_id), marker=RECORD) as folder:
            yield folder
            try:
                seal(folder)
            except (FileNotFoundError, ValueError) as error:
                raise StoreError(f"{kind} {node_id} left no {RECORD} that can be read ({error})") from error

    def write_job(self, node_id: str, job: Mapping[str, Any]) -> None:
        """Write what a node needs to be carried out, unless it stands there already.

        A file that is lost with the machine's power is written again by the next run.
        """
        self._kinds[node_id] = str(job["kind"])
        path, text = f"{self.root}/jobs/{node_id}.json", json.dumps(job)
        if not holds_json(path, text):
            write_text(path, text, flush=False)

    def read_job(self, node_id: str) -> dict[str, Any]:
        """Read what a node needs to be carried out.

        Raises:
            StoreError: The store does not know this id, or the file is damaged.
        """
        path = self.root / "jobs" / f"{node_id}.json"
        if not path.is_file():
            raise StoreError(
                f"{self.root} knows no node {node_id!r}; `layerlab run STUDY` writes the nodes of a study"
            )
        try:
            job: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            self._kinds[node_id] = str(job["kind"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise StoreError(
                f"{path} is damaged ({error!r}); run the study again to write it anew"
            ) from error
        return job

    def kind_of(self, node_id: str) -> str:
        """Return the kind of a node.

        Raises:
            StoreError: The store does not know this id.
        """
        if node_id not in self._kinds:
            self.read_job(node_id)
        return self._kinds[node_id]

    def write_failure(self, node_id: str, title: str, error: BaseException, traceback: str) -> None:
        """Leave a failure's message and traceback; an older one is replaced.

        Where nothing can be written, as on a full disk, they go to standard error, and the work goes on.
        """
        folder = self.failed(node_id)
        said = describe_error(error) if isinstance(error, OSError) else str(error)
        message = {"id": node_id, "title": title, "error": type(error).__name__, "message": said}
        try:
            write_text(folder / "traceback.txt", traceback)
            write_json(folder / "error.json", message)
        except OSError as fault:
            print(visible(f"failed: {title}: {type(error).__name__}: {said}"), file=sys.stderr)
            print(f"        it cannot be noted in {folder} ({fault.strerror})", file=sys.stderr)

    def read_failure(self, node_id: str) -> dict[str, str] | None:
        """Return the last failure of a node, or None; one that cannot be read says so."""
        path = self.failed(node_id) / "error.json"
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError):
            text = ""
        with suppress(ValueError, RecursionError):
            failure = json.loads(text)
            if isinstance(failure, dict) and {"title", "error", "message"} <= failure.keys():
                return {name: str(value) for name, value in failure.items()} | {"id": node_id}
        return {"id": node_id, "title": node_id, "error": "unknown", "message": f"{path} is damaged"}

    def clear_failure(self, node_id: str) -> None:
        """Forget a node's last failure."""
        remove(self.failed(node_id))

    def read_manifest(self) -> dict[str, Any] | None:
        """Return the manifest, or None in a new directory.

        Raises:
            DamageError: It is damaged, for example cut off.
        """
        path = self.root / "manifest.json"
        if not path.is_file():
            return None
        try:
            manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            str(manifest["study"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise DamageError(
                f"{path} is damaged ({error!r}); expected an object with the study's name. Remove the file "
                "and run the study again: complete nodes are found by their ids"
            ) from error
        return manifest

    @contextmanager
    def locked(self, patience: float) -> Iterator[bool]:
        """Keep other processes from writing the plan and what is made of it; yields whether that was got.

        Args:
            patience: How long to wait for another process at most, in seconds.
        """
        with locked(lock_of(self.root / "manifest.json"), patience) as mine:
            yield mine

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Say which nodes belong to the current plan, so that older ones are not mixed into the records.

        Args:
            manifest: ``study``; ``nodes``, ids by kind; ``scored``, the kinds that give records; ``columns``
                of nodes as the plan names them now; ``imports``, modules that workers import; and
                ``weights``, which fits write them.
        """
        packed = {**manifest, "columns": pack_columns(manifest.get("columns") or {})}
        write_changed(self.root / "manifest.json", json.dumps(packed, indent=1, ensure_ascii=False))

    def sweep(self, kind: str, node_id: str) -> None:
        """Remove what a kill may have left of a node: half-written folders, checkpoints of a complete one.

        A folder that is damaged is set aside. To be called by the holder of the node's lease.
        """
        folder = self.folder(kind, node_id)
        for path in (*partials(folder), *folder.parent.glob(f"{node_id}.tmp-*")):
            self.remove(path)  # in one step: who was stopped and still writes there must not publish a part
        if self.is_done(kind, node_id):
            remove(self.work(node_id))
        elif (fault := self.fault_of(kind, node_id)) is not None:
            self.set_aside(folder, fault)

    def set_aside(self, path: Path, why: str) -> None:
        """Move a damaged file or folder out of the way, so that what it held is made again."""
        set_aside(self.root, path, why)
        self._seen.pop(str(path), None)

    def remove(self, folder: Path) -> None:
        """Take a folder away in one step, then delete it; it is whole or gone at any time."""
        away = self.work(f"removed-{uuid.uuid4().hex[:8]}")
        away.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # another process was first
            folder.rename(away)
            shutil.rmtree(away)

    def sweep_removed(self) -> None:
        """Delete what interrupted calls of :meth:`remove` left."""
        for left in self.work("").glob("removed-*"):
            shutil.rmtree(left, ignore_errors=True)


def _names(folder: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
