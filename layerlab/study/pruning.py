"""Weights of complete fits that no run is left for: removed on request, made again if a run needs them.

A fit's record, labels and head stay, so that nothing complete is done again and tables and figures remain
what they are. A new target or a new ``after`` intervention fine-tunes a pruned fit once more.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from layerlab.nodes.store.store import Store
from layerlab.study.plan import Plan


@dataclass(frozen=True)
class Prunable:
    """A complete fit whose weights nothing in the plan waits for.

    Attributes:
        fit_id: Which one.
        title: What it is.
        n_bytes: What its model takes on the disk.
    """

    fit_id: str
    title: str
    n_bytes: int


def find_prunable(plan: Plan, store: Store, keep: Plan | None = None) -> list[Prunable]:
    """List the fits of a plan whose weights can go.

    Args:
        plan: The study's plan.
        store: Its results directory.
        keep: A selection of the plan whose fits keep their weights.
    """
    needed = _awaited(plan, store) | {fit.id for fit in (keep.fits if keep is not None else ())}
    found = [(fit, store.model("fit", fit.id)) for fit in plan.fits if fit.id not in needed]
    return [Prunable(fit.id, fit.title(), _size(model)) for fit, model in found if model.is_dir()]


def prune(store: Store, fit_ids: Iterable[str]) -> None:
    """Remove the weights of fits; each is whole or gone at any time, also if this is interrupted."""
    for left in store.work("").glob("removed-*"):  # of an interrupted call
        shutil.rmtree(left, ignore_errors=True)
    for fit_id in fit_ids:
        _remove(store, store.model("fit", fit_id))


def revive(plan: Plan, store: Store) -> list[str]:
    """Forget the pruned fits that runs or fits of a plan wait for, so that they are carried out again.

    Returns:
        Their ids.
    """
    needed = _awaited(plan, store)
    pruned = [fit.id for fit in plan.fits if fit.id in needed and _is_pruned(store, fit.id)]
    for fit_id in pruned:
        _remove(store, store.node("fit", fit_id))
    return pruned


def _awaited(plan: Plan, store: Store) -> set[str]:
    """Return the fits whose weights are needed for what is left: of its own fits, of donors and theirs."""
    left = [run for run in plan.runs if not store.is_done("run", run.id)]
    needed = {run.fit_id for run in left} | {need for run in left for need in run.needs}
    for fit in reversed(plan.fits):  # donors stand before those that need them
        done = store.is_done("fit", fit.id)
        if not done or (fit.id in needed and _is_pruned(store, fit.id)):
            needed.update(fit.needs)
    return needed


def _is_pruned(store: Store, fit_id: str) -> bool:
    return store.is_done("fit", fit_id) and not store.model("fit", fit_id).is_dir()


def _remove(store: Store, folder: Path) -> None:
    """Take a folder away in one step, then delete it."""
    away = store.work(f"removed-{uuid.uuid4().hex[:8]}")
    away.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):  # another process was first
        folder.rename(away)
        shutil.rmtree(away)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
