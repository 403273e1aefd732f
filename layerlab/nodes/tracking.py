"""The tracker runs of a worker: one a fit, which the runs that evaluate it add their scores to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Protocol, runtime_checkable

from layerlab.errors import StoreError
from layerlab.nodes.jobs import read_node
from layerlab.nodes.node import Node
from layerlab.nodes.store.lock import lock_of, locked
from layerlab.nodes.store.store import Store
from layerlab.tracking.backends import Plain, TrackerRun
from layerlab.tracking.choice import Tracker
from layerlab.tracking.curves import Curves
from layerlab.tracking.tracked import Tracked
from layerlab.training.events import Report

# Names are those of folders, too.
_LONGEST_NAME: Final = 150
# How long to wait for another worker that opens a run, in seconds.
_PATIENCE: Final = 120.0


@runtime_checkable
class HasTrackerRun(Protocol):
    """A kind of node that has a tracker run of its own."""

    @property
    def tracked_settings(self) -> Mapping[str, object]:
        """What it is made with; of mappings in it, trackers show each value."""
        ...


def _flat(settings: Mapping[str, object]) -> dict[str, Plain]:
    """Return settings as trackers take them, those of a mapping inside as ``outer.inner``."""
    flat: dict[str, object] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": one for inner, one in value.items()}
        else:
            flat[name] = value
    return {
        name: one if isinstance(one, str | int | float | bool) else str(one) for name, one in flat.items()
    }


class Tracking:
    """Tracker runs that stay open from a fit to the runs that evaluate it.

    Args:
        store: The results directory.
        study: Name of the study.
        trackers: Where to report to.
    """

    def __init__(self, store: Store, study: str, trackers: Sequence[Tracker]) -> None:
        self._store, self._study, self._trackers = store, study, tuple(trackers)
        self._curves: dict[str, Curves] = {}

    def report_of(self, item: Node) -> Report | None:
        """Return what takes a node's events to its tracker run, or to that of the first node that it needs.

        Returns:
            None for a node of which no tracker shows anything.
        """
        host = self._host_of(item) if self._trackers else None
        if host is None:
            return None
        if host.id not in self._curves:
            self._curves[host.id] = Curves(lambda next_step: self._open(host, next_step))
        return self._curves[host.id].report

    def close(self) -> None:
        """Close all runs."""
        for curves in self._curves.values():
            curves.close()
        self._curves.clear()

    def _host_of(self, item: Node) -> Node | None:
        if isinstance(item, HasTrackerRun):
            return item
        try:
            first = read_node(self._store, item.needs[0]) if item.needs else None
        except StoreError:
            return None
        return first if isinstance(first, HasTrackerRun) else None

    def _open(self, host: Node, next_step: int) -> Tracked:
        title = re.sub(r"[^\w.,+()=-]+", "-", host.title.removeprefix(f"{host.kind} "))
        settings = _flat(host.tracked_settings) if isinstance(host, HasTrackerRun) else {}
        name = f"{title[:_LONGEST_NAME]}-{host.id[:6]}"
        run = TrackerRun(self._study, host.id, name, {"study": self._study, **settings})
        folder = self._store.root / "trackers"
        with locked(lock_of(folder), _PATIENCE):  # MLflow's database is made by one worker
            return Tracked(self._trackers, run, folder, next_step)
