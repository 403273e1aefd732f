"""One tracker run at every tracker that a study names; none that fails takes the work down."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from layerlab.names import visible
from layerlab.tracking.backends import OPEN, Backend, TrackerRun
from layerlab.tracking.choice import Tracker


class Tracked:
    """A tracker run that is open at several trackers.

    A tracker whose library raises is left out from then on, and standard error says why.

    Args:
        trackers: Which ones.
        run: The run.
        folder: For what lies on this disk.
        next_step: The first step that is still to come, of a run that goes on.
    """

    def __init__(
        self, trackers: Sequence[Tracker], run: TrackerRun, folder: Path, next_step: int = 0
    ) -> None:
        from accelerate.state import PartialState

        PartialState(cpu=True)  # accelerate's trackers want one; where there is one already, it stays
        self._run = run
        self._open: dict[Tracker, Backend] = {}
        for name in trackers:
            backend = self._attempt(name, partial(OPEN[name], run, folder, next_step))
            if backend is not None:
                self._open[name] = backend

    def numbers(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Add points to curves; without a step, values that stand for the whole run."""
        self._each(lambda backend: backend.numbers(values, step))

    def text(self, name: str, text: str) -> None:
        """Put a text (Markdown) under a name."""
        self._each(lambda backend: backend.text(name, text))

    def image(self, name: str, file: Path) -> None:
        """Put a PNG file under a name."""
        self._each(lambda backend: backend.image(name, file))

    def close(self) -> None:
        """Close the run at every tracker."""
        self._each(lambda backend: backend.close())
        self._open.clear()

    def _each(self, action: Callable[[Backend], None]) -> None:
        for name, backend in list(self._open.items()):
            self._attempt(name, partial(action, backend))

    def _attempt(self, name: Tracker, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except (Exception, SystemExit) as error:  # whatever a tracker does, the fit goes on
            self._open.pop(name, None)
            said = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            told = f"note: {name} failed and is left out for {self._run.name!r}: {said}"
            print(visible(told), file=sys.stderr)
            return None
