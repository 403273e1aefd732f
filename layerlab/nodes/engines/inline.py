"""Everything in this process: for notebooks, tests, debuggers, and processes that share each fit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from layerlab.nodes.engines.engine import Unit, state_of
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.sharing import is_shared
from layerlab.nodes.store.store import Store
from layerlab.nodes.work import run_nodes

POLL_SECONDS = 0.5


class InlineEngine:
    """Carries out units one after the other in the calling process."""

    def execute(
        self, store: Store, units: Sequence[Unit], settings: WorkSettings, tick: Callable[[], None]
    ) -> None:
        """Carry out the units; see :class:`layerlab.nodes.engines.engine.Engine`."""
        if is_shared():
            # All processes must meet at the same fits, so the order is the plan's, donors first.
            for unit in units:
                if state_of(store, unit) != "blocked":
                    run_nodes(store.root, unit.nodes, settings)
            return
        left = list(units)
        while left:
            states = [state_of(store, unit) for unit in left]
            if "ready" in states:
                unit = left.pop(states.index("ready"))
                run_nodes(store.root, unit.nodes, settings)
                tick()
                continue
            if "busy" not in states:
                return
            time.sleep(POLL_SECONDS)
            left = [unit for unit, state in zip(left, states, strict=True) if state != "done"]
