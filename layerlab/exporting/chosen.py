"""Which fit of a results directory is exported, and its weights, which are trained again if they are gone."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from layerlab.analysis.stored.record import Record, Stored
from layerlab.errors import CheckpointError, StoreError, StudyError, unknown
from layerlab.extensions import import_modules
from layerlab.nodes.jobs import read_node
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.node import Node, find_kind, read_as
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.nodes.worker import run_nodes


@dataclass(frozen=True)
class Chosen:
    """What is exported.

    Attributes:
        store: The results directory.
        fit: The fit.
        run: The run whose interventions after fine-tuning are carried out too; None for the fit as it is.
    """

    store: Store
    fit: Fit
    run: Run | None = None

    @property
    def id(self) -> str:
        """The id that was asked for."""
        return self.fit.id if self.run is None else self.run.id

    def runs(self) -> list[Run]:
        """Return the complete runs of the plan that evaluate just what is exported."""
        after = () if self.run is None else self.run.after
        manifest = self.store.read_manifest() or {}
        found = (read_as(self.store, one, Run) for one in manifest.get("nodes", {}).get("run", ()))
        return [
            item
            for item in found
            if item.fit == self.fit.id and item.after == after and self.store.is_done(item.kind, item.id)
        ]

    def has_weights(self) -> bool:
        """Return whether the fit's weights are on the disk."""
        return self.store.model(self.fit.id).is_dir()


def open_store(results: Path) -> Store:
    """Return a results directory, and import the modules that its study imports.

    Raises:
        StoreError: It is none.
        StudyError: A module cannot be imported.
    """
    store = Store(results)
    manifest = store.read_manifest()
    if manifest is None:
        raise StoreError(f"{results} is no results directory: expected one that `layerlab run` made")
    if problems := import_modules(manifest.get("imports", ())):
        raise StudyError(problems, str(results))
    return store


def list_fits(store: Store) -> list[Chosen]:
    """Return the complete fits of the plan."""
    ids = (store.read_manifest() or {}).get("nodes", {}).get("fit", ())
    return [Chosen(store, read_as(store, one, Fit)) for one in ids if store.is_done("fit", one)]


def read_record(store: Store, item: Node) -> Record:
    """Return the record of a complete node, with the names that it was written with.

    Raises:
        RecordsError: It cannot be read.
    """
    return Stored(item.kind, store.folder(item.kind, item.id), {}).read()


def choose(store: Store, name: str) -> Chosen:
    """Return the fit, or the run, with an id or the only one whose id begins so.

    Raises:
        StoreError: There is none, there are several, or it is not complete.
    """
    nodes = (store.read_manifest() or {}).get("nodes", {})
    known = {one: kind for kind in ("fit", "run") for one in nodes.get(kind, ())}
    found = [one for one in known if one.startswith(name)]
    if not found:
        raise StoreError(f"{store.root}: {unknown('fit or run', name, known)}")
    if len(found) > 1:
        raise StoreError(f"{store.root}: {name!r} begins the ids of {', '.join(found)}; give more of one")
    item = read_node(store, found[0])
    if not store.is_done(item.kind, item.id):
        raise StoreError(f"{store.root}: {item.title} ({item.id}) is not complete; run the study first")
    if isinstance(item, Run):
        return Chosen(store, read_as(store, item.fit, Fit), item)
    assert isinstance(item, Fit)
    return Chosen(store, item)


@contextmanager
def with_weights(chosen: Chosen, again: bool, device: str) -> Iterator[Store]:
    """Yield a store that has the weights of a fit: its own, or one beside it where it is trained again.

    Args:
        chosen: What is exported.
        again: Whether it may be trained again; the results stay as they are.
        device: ``auto`` or ``cpu``.

    Raises:
        CheckpointError: The weights are not kept and it may not, or it fails.
    """
    if chosen.has_weights():
        yield chosen.store
        return
    if not again:
        minutes = float(read_record(chosen.store, chosen.fit).facts.get("training_seconds", 0)) / 60
        raise CheckpointError(
            f"the weights of {chosen.fit.title} ({chosen.fit.id}) are not kept: `--again` trains it again "
            f"beside the results, which took {minutes:.1f} minutes; `keep: all` in a study keeps all weights"
        )
    folder = chosen.store.cache / f"export-{uuid.uuid4().hex[:8]}"
    try:
        beside = Store(folder)
        _take_along(chosen.store, beside, chosen.fit.id)
        plain = chosen.store.read_manifest() or {}
        beside.write_manifest({"study": plain["study"], "nodes": {}, "imports": plain.get("imports", ())})
        wanted = [chosen.fit.id, *(chosen.run.donors if chosen.run else ())]
        for one in wanted[1:]:
            _take_along(chosen.store, beside, one)
        if not run_nodes(folder, wanted, WorkSettings(device=device)):
            failures = [beside.read_failure(one) for one in beside.broken()]
            said = "; ".join(one["message"] for one in failures if one)
            raise CheckpointError(
                f"{chosen.fit.title} could not be trained again: {said or 'no reason given'}"
            )
        yield beside
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _take_along(store: Store, beside: Store, node_id: str) -> None:
    """Give a store what it needs to carry a node out: its job, and those of nodes that it needs.

    Nodes whose weights are there are linked, so that they are not trained again.
    """
    job = {name: value for name, value in store.read_job(node_id).items() if name != "watched"}
    beside.write_job(node_id, job)
    kind = job["kind"]
    folder, parts = store.folder(kind, node_id), find_kind(kind).removable
    if store.is_done(kind, node_id) and all((folder / part).is_dir() for part in parts):
        there = beside.folder(kind, node_id)
        there.parent.mkdir(parents=True, exist_ok=True)
        if not there.exists():
            there.symlink_to(folder.resolve(), target_is_directory=True)
        return
    for need in read_node(store, node_id).needs:
        _take_along(store, beside, need)
