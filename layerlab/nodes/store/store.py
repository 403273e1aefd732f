"""A results directory: one folder a node, complete or not there at all.

Layout::

    manifest.json            the current plan: study name, ids of its runs and fits
    study.yaml               the study as it was last run
    jobs/<id>.json           what a node needs to be carried out
    pretrainings/<id>/       record.json, model/
    fits/<id>/               record.json, labels.json, head.safetensors, model/
    runs/<id>/               record.json, counts.parquet
    work/<id>/               checkpoints of a pretraining or fit in progress
    failed/<id>/             traceback.txt and error.json of the last failure
    leases/<id>              who is at work on a node
    events/<id>.jsonl        progress, one JSON object a line
    records.csv, nodes.csv   the tidy frames; tables/ and figures/ beside them
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from layerlab.errors import StoreError
from layerlab.nodes.jobs import FitJob, RunJob
from layerlab.nodes.pretraining import PretrainingJob

Kind = Literal["fit", "run", "pretraining"]


@dataclass(frozen=True)
class Store:
    """Paths and atomic writes of a results directory.

    Attributes:
        root: The directory; it is made when something is written.
    """

    root: Path

    def node(self, kind: Kind, node_id: str) -> Path:
        """Return the folder of a complete node."""
        return self.root / f"{kind}s" / node_id

    def model(self, kind: Literal["fit", "pretraining"], node_id: str) -> Path:
        """Return the folder of a complete node's encoder, which is not there if it is a pruned fit's."""
        return self.node(kind, node_id) / "model"

    def work(self, node_id: str) -> Path:
        """Return the folder of the checkpoints of a pretraining or fit."""
        return self.root / "work" / node_id

    def lease(self, node_id: str) -> Path:
        """Return the lease file of a node."""
        return self.root / "leases" / node_id

    def events(self, node_id: str) -> Path:
        """Return the progress file of a node."""
        return self.root / "events" / f"{node_id}.jsonl"

    def failed(self, node_id: str) -> Path:
        """Return the folder that tells of a node's last failure."""
        return self.root / "failed" / node_id

    def is_done(self, kind: Kind, node_id: str) -> bool:
        """Return whether a node is complete."""
        return (self.node(kind, node_id) / "record.json").is_file()

    def is_complete(self, node_id: str) -> bool:
        """Return whether a node of any kind is complete: an id is of one only, as it digests the kind too."""
        return any(self.is_done(kind, node_id) for kind in get_args(Kind))

    @contextmanager
    def publish(self, kind: Kind, node_id: str) -> Iterator[Path]:
        """Yield a folder that becomes the node, by rename, when the block ends without an error.

        If another process published the node meanwhile, its result stays and this one is dropped.
        """
        final = self.node(kind, node_id)
        partial = final.with_name(f"{node_id}.tmp-{uuid.uuid4().hex[:8]}")
        partial.mkdir(parents=True)
        try:
            yield partial
            for path in partial.rglob("*"):
                if path.is_file():
                    _sync(path)
            try:
                partial.rename(final)
            except OSError:
                if not self.is_done(kind, node_id):
                    raise
            _sync(final.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def write_job(self, job: FitJob | RunJob | PretrainingJob) -> None:
        """Write what a node needs to be carried out, unless it stands there already."""
        path, text = self.root / "jobs" / f"{job.id}.json", json.dumps(job.to_dict(), indent=1)
        if not (path.is_file() and path.read_text(encoding="utf-8") == text):
            write_atomically(path, text)

    def read_fit(self, fit_id: str) -> FitJob:
        """Read the job of a fit.

        Raises:
            StoreError: The store does not know this id, or it is a run's.
        """
        return FitJob.from_dict(self._read_job(fit_id, "fit"))

    def read_run(self, run_id: str) -> RunJob:
        """Read the job of a run.

        Raises:
            StoreError: The store does not know this id, or it is a fit's.
        """
        return RunJob.from_dict(self._read_job(run_id, "run"))

    def read_pretraining(self, pretraining_id: str) -> PretrainingJob:
        """Read the job of a pretraining.

        Raises:
            StoreError: The store does not know this id, or it is another node's.
        """
        return PretrainingJob.from_dict(self._read_job(pretraining_id, "pretraining"))

    def kind_of(self, node_id: str) -> Kind:
        """Return whether an id is a pretraining's, a fit's or a run's."""
        kind: Kind = self._read_job(node_id, None)["kind"]
        return kind

    def _read_job(self, node_id: str, kind: Kind | None) -> dict[str, Any]:
        path = self.root / "jobs" / f"{node_id}.json"
        if not path.is_file():
            raise StoreError(
                f"{self.root} knows no node {node_id!r}; `layerlab run STUDY` writes the nodes of a study"
            )
        job: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if kind is not None and job["kind"] != kind:
            raise StoreError(f"node {node_id} of {self.root} is a {job['kind']}, expected a {kind}")
        return job

    def write_failure(self, node_id: str, title: str, error: BaseException, traceback: str) -> None:
        """Leave a failure's message and traceback; an older one is replaced."""
        folder = self.failed(node_id)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "traceback.txt", traceback)
        message = {"id": node_id, "title": title, "error": type(error).__name__, "message": str(error)}
        write_atomically(folder / "error.json", json.dumps(message, indent=1, ensure_ascii=False))

    def read_failure(self, node_id: str) -> dict[str, str] | None:
        """Return the last failure of a node, or None."""
        try:
            text = (self.failed(node_id) / "error.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        failure: dict[str, str] = json.loads(text)
        return failure

    def clear_failure(self, node_id: str) -> None:
        """Forget a node's last failure."""
        shutil.rmtree(self.failed(node_id), ignore_errors=True)

    def read_manifest(self) -> dict[str, Any] | None:
        """Return the manifest, or None in a new directory."""
        path = self.root / "manifest.json"
        if not path.is_file():
            return None
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return manifest

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Say which nodes belong to the current plan, so that older ones are not mixed into the records.

        Args:
            manifest: ``study``, ids of ``runs`` and ``fits``, ``columns`` of each run as the plan names them
                now, and the modules that workers import.
        """
        write_atomically(self.root / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False))

    def sweep(self, kind: Kind, node_id: str) -> None:
        """Remove what a kill may have left of a node: half-written folders, checkpoints of a complete fit.

        To be called by the holder of the node's lease.
        """
        for path in self.node(kind, node_id).parent.glob(f"{node_id}.tmp-*"):
            shutil.rmtree(path, ignore_errors=True)
        if self.is_done(kind, node_id):
            shutil.rmtree(self.work(node_id), ignore_errors=True)


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    partial.write_text(text, encoding="utf-8")
    _sync(partial)
    os.replace(partial, path)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON for people: indented, and with scripts other than Latin kept."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


def _sync(path: Path) -> None:
    """Flush a file or a directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
