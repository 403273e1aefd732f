"""Everything in this process: for notebooks, tests and debuggers."""

from __future__ import annotations

from collections.abc import Iterable

from layerlab.nodes.engines.engine import Ended
from layerlab.nodes.engines.unit import Unit
from layerlab.nodes.kept import Memory
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.nodes.worker import run_nodes


class InlineEngine:
    """Carries out units one after the other in the calling process.

    Attributes:
        slots: One.
    """

    slots = 1

    def __init__(self, store: Store, settings: WorkSettings) -> None:
        self.store, self.settings, self.memory = store, settings, Memory()
        self._ended: list[Ended] = []

    def start(self, slot: int, unit: Unit) -> None:
        """Carry out a unit to its end."""
        run_nodes(self.store.root, unit.nodes, self.settings, memory=self.memory)
        self._ended.append(Ended(slot))

    def poll(self) -> Iterable[Ended]:
        """Return the unit that has just ended."""
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """Do nothing."""
