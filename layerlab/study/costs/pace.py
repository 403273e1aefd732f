"""How long the rest of a study takes, by what its results directory measured."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable
from contextlib import suppress
from statistics import median
from typing import Any, Final

from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.kinds.trajectory import Trajectory
from layerlab.nodes.node import Node
from layerlab.nodes.store.store import Store
from layerlab.study.directory.pruning import find_awaited
from layerlab.study.directory.status import done_nodes
from layerlab.study.plan import Plan

#: Complete nodes of a sort whose records are read.
SAMPLE: Final = 25


def describe_pace(plan: Plan, store: Store, awaited: Iterable[Node] | None = None) -> str:
    """Return how long what is left takes one worker, in words; "" where nothing like it is complete.

    Fits are compared by model, task and size of batches, runs by the fit's model and task and by whether they
    measure. A trajectory comes with its fit; that of a complete fit takes what a fit takes, which is trained
    once more. So is a complete fit whose weights are gone and awaited.

    Args:
        plan: The study's plan.
        store: Its results directory.
        awaited: The complete nodes that are carried out again; they are looked for if None.
    """
    again = {item.id for item in (find_awaited(plan, store) if awaited is None else awaited)}
    there = done_nodes(plan.nodes, store)
    kept = there - again
    fits = {fit.id: fit for fit in plan.of(Fit)}
    paces: dict[Hashable, list[float]] = {}
    left: dict[Hashable, list[Node]] = {}
    for item in plan.nodes:
        sort = _sort_of(item, fits)
        if isinstance(item, Trajectory) and item.fit in kept:
            if item.id not in there:
                left.setdefault(_sort_of(fits[item.fit], fits), []).append(fits[item.fit])
            continue
        if sort is None:
            continue
        if item.id not in kept:
            left.setdefault(sort, []).append(item)
        if item.id in there and len(paces.setdefault(sort, [])) < SAMPLE:
            with suppress(
                OSError, ValueError, TypeError, KeyError
            ):  # a record without these facts says nothing
                paces[sort].append(_pace_of(store, item))
    seconds, n_left, n_like = 0.0, sum(map(len, left.values())), 0
    for sort, items in left.items():
        if paces.get(sort):
            n_like += len(items)
            seconds += median(paces[sort]) * sum(_amount(plan, item) for item in items)
    if not n_like:
        return ""
    rest = "" if n_like == n_left else f"; nothing was measured for the other {n_left - n_like}"
    nodes = f"{n_like} of {n_left} nodes left"
    return f"about {_duration(seconds)} of one worker for {nodes}, by those complete{rest}"


def _sort_of(item: Node, fits: dict[str, Fit]) -> Hashable:
    """Return what nodes that take alike long have in common; None for a node that is not estimated."""
    if isinstance(item, Fit):
        training = item.training
        return ("fit", item.model, item.spec.task, item.source, training.batch_size, training.max_length)
    if isinstance(item, Run) and item.fit in fits:
        fit = fits[item.fit]
        return ("run", fit.model, fit.spec.task, tuple(item.spec.targets), item.measures is not None)
    return None


def _pace_of(store: Store, item: Node) -> float:
    """Return a complete node's seconds, of a fit those of a step."""
    path = store.folder(item.kind, item.id) / "record.json"
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["node"]
    if isinstance(item, Fit):
        return float(facts["training_seconds"]) / max(1, int(facts["n_steps"]))
    return float(facts["seconds"])


def _amount(plan: Plan, item: Node) -> int:
    """Return a fit's optimiser steps, or 1 for a run."""
    return n_steps(plan, item) if isinstance(item, Fit) else 1


def n_steps(plan: Plan, fit: Fit) -> int:
    """Return a fit's optimiser steps; 0 where its corpus was not read."""
    return fit.training.n_steps(plan.sentences.get((fit.spec.task, fit.source), 0))


def _duration(seconds: float) -> str:
    """Return a time in one unit.

    >>> _duration(30), _duration(600), _duration(20_000)
    ('30 s', '10 min', '5.6 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
