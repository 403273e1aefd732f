"""Everything in this process: for notebooks, tests and debuggers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from layerlab.study.engines.engine import Unit, needs_state
from layerlab.study.store import Store
from layerlab.study.work import WorkSettings, run_nodes


class InlineEngine:
    """Carries out units one after the other in the calling process."""

    def execute(
        self, store: Store, units: Sequence[Unit], settings: WorkSettings, tick: Callable[[], None]
    ) -> None:
        """Carry out the units; see :class:`layerlab.study.engines.engine.Engine`."""
        left = list(units)
        while left:
            ready = [unit for unit in left if needs_state(store, unit) == "ready"]
            if not ready:
                return
            for unit in ready:
                run_nodes(store.root, unit.nodes, settings)
                tick()
            left = [unit for unit in left if unit not in ready]
