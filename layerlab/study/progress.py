"""Progress on standard error: a live panel on a terminal, plain timed lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from layerlab.nodes.store.store import Store
from layerlab.study.plan import Plan
from layerlab.study.status import Status, read_status

PANEL_SECONDS = 0.5
LINE_SECONDS = 15.0


class Progress:
    """Shows what runs, how far it is and how long it will still take; a context manager."""

    def __init__(self, plan: Plan, store: Store, *, enabled: bool = True) -> None:
        self.plan, self.store, self.enabled = plan, store, enabled
        self.console = Console(file=sys.stderr)
        self.live: Live | None = None
        self.started = self.paced = self.shown = time.monotonic()
        self.first: Status | None = None

    def __enter__(self) -> Progress:
        if self.enabled:
            self.first = read_status(self.plan, self.store)
            if self.console.is_terminal:
                self.live = Live(console=self.console, auto_refresh=False)
                self.live.start()
            self._show(self.first)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.enabled:
            self._show(read_status(self.plan, self.store))
        if self.live is not None:
            self.live.stop()

    def tick(self) -> None:
        """Draw anew if it is time to."""
        wait = PANEL_SECONDS if self.live is not None else LINE_SECONDS
        if self.enabled and time.monotonic() - self.shown >= wait:
            self._show(read_status(self.plan, self.store))

    def _show(self, status: Status) -> None:
        self.shown = time.monotonic()
        if self.first is not None and not self.first.pretrained:
            # The pace of fits is measured from where they begin.
            self.first, self.paced = status, self.shown
        left = seconds_left(self.first, status, self.shown - self.paced)
        elapsed = format_seconds(self.shown - self.started)
        if self.live is not None:
            self.live.update(_panel(status, elapsed, left), refresh=True)
            return
        running = "; ".join(str(activity) for activity in status.active) or "nothing running"
        line = f"[{elapsed}] {status.summary()}; {running}"
        self.console.print(f"{line}; {left}" if left else line, highlight=False, soft_wrap=True, markup=False)


def seconds_left(first: Status | None, status: Status, elapsed: float) -> str:
    """Return how long the rest will take at the pace so far, in words; "" while nothing is known.

    Fits take nearly all of the time, so they are what is counted where any are left.
    """
    if first is None or status.complete or not status.pretrained:
        return ""
    if status.n_fits > first.n_fits_done:
        done = status.n_fits_done - first.n_fits_done + sum(a.gained for a in status.active)
        earlier = sum(a.fraction - a.gained for a in status.active)
        todo = status.n_fits - first.n_fits_done - earlier
    else:
        done = float(status.n_runs_done - first.n_runs_done)
        todo = status.n_runs - first.n_runs_done
    if done <= 0:
        return ""
    return f"about {format_seconds(elapsed * (todo - done) / done)} left"


def format_seconds(seconds: float) -> str:
    """Return a duration for people.

    >>> format_seconds(75), format_seconds(3 * 3600 + 62)
    ('1:15', '3:01:02')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _panel(status: Status, elapsed: str, left: str) -> Group:
    table = Table.grid(padding=(0, 1))
    if status.n_pretrainings:
        done, total = status.n_pretrainings_done, status.n_pretrainings
        table.add_row("pretrainings", ProgressBar(total=total, completed=done, width=40), f"{done}/{total}")
    for name, done, total in (
        ("fits", status.n_fits_done, status.n_fits),
        ("runs", status.n_runs_done, status.n_runs),
    ):
        table.add_row(name, ProgressBar(total=max(1, total), completed=done, width=40), f"{done}/{total}")
    for activity in status.active:
        bar = ProgressBar(total=1.0, completed=activity.fraction, width=40)
        table.add_row("", bar, Text(str(activity)))
    foot = f"elapsed {elapsed}" + (f", {left}" if left else "")
    if status.failures:
        foot += f", {len(status.failures)} failed"
    return Group(table, Text(foot))
