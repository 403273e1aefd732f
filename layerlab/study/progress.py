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

from layerlab.names import first_of, plural
from layerlab.nodes.node import is_result
from layerlab.nodes.store.store import Store
from layerlab.study.directory.status import Status, read_status
from layerlab.study.plan import Plan

PANEL_SECONDS = 0.5
LINE_SECONDS = 15.0
#: So many of the nodes that are worked on are named; runs of one fit are often taken up all at once.
PANEL_TITLES = 16
LINE_TITLES = 4


class Progress:
    """Shows what runs, how far it is and how long it will still take; a context manager."""

    def __init__(self, plan: Plan, store: Store, *, enabled: bool = True) -> None:
        self.plan, self.store, self.enabled = plan, store, enabled
        self.console = Console(file=sys.stderr)
        self.live: Live | None = None
        self.started = self.paced = self.shown = time.monotonic()
        self.first: Status | None = None
        self.reading = 0.0

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
        """Draw anew if it is time to; looking at the store takes a twentieth of the time at most."""
        wait = max(PANEL_SECONDS if self.live is not None else LINE_SECONDS, 20 * self.reading)
        began = time.monotonic()
        if self.enabled and began - self.shown >= wait:
            status = read_status(self.plan, self.store)
            self.reading = time.monotonic() - began
            self._show(status)

    def _show(self, status: Status) -> None:
        self.shown = time.monotonic()
        if self.first is not None and paced_kind(self.first, self.plan) is None:
            # The pace is measured from where it can be.
            self.first, self.paced = status, self.shown
        kind = paced_kind(status, self.plan)
        left = seconds_left(self.first, status, kind, self.shown - self.paced)
        elapsed = format_seconds(self.shown - self.started)
        if self.live is not None:
            self.live.update(_panel(status, elapsed, left), refresh=True)
            return
        running = "; ".join(first_of([*map(str, status.active)], LINE_TITLES)) or "nothing running"
        line = f"[{elapsed}] {status.summary()}; {running}"
        self.console.print(f"{line}; {left}" if left else line, highlight=False, soft_wrap=True, markup=False)


def paced_kind(status: Status, plan: Plan) -> str | None:
    """Return the kind of nodes whose pace tells how long the rest will take; None while none does.

    It is the first kind with nodes left after which only results come, whose time is little beside it: fits,
    then runs, and nothing while pretrainings are left.
    """
    left = [kind for kind, count in status.counts.items() if count.done < count.total]
    results = {item.kind for item in plan.nodes if is_result(item)}
    return left[0] if left and set(left[1:]) <= results else None


def seconds_left(first: Status | None, status: Status, kind: str | None, elapsed: float) -> str:
    """Return how long the rest will take at the pace so far, in words; "" while nothing is known.

    Args:
        first: Where the study stood when the pace was first measured.
        status: Where it stands.
        kind: The kind of nodes that are counted.
        elapsed: Time between the two, in seconds.
    """
    if first is None or kind is None:
        return ""
    before, now = first.count(kind), status.count(kind)
    active = [activity for activity in status.active if activity.kind == kind]
    done = now.done - before.done + sum(activity.gained for activity in active)
    earlier = sum(activity.fraction - activity.gained for activity in active)
    todo = now.total - before.done - earlier
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
    for kind, count in status.counts.items():
        bar = ProgressBar(total=max(1, count.total), completed=count.done, width=40)
        table.add_row(plural(kind), bar, f"{count.done}/{count.total}")
    for activity in status.active[:PANEL_TITLES]:
        bar = ProgressBar(total=1.0, completed=activity.fraction, width=40)
        table.add_row("", bar, Text(str(activity)))
    if len(status.active) > PANEL_TITLES:
        table.add_row("", "", first_of([*map(str, status.active)], PANEL_TITLES)[-1])
    foot = f"elapsed {elapsed}" + (f", {left}" if left else "")
    if status.failures:
        foot += f", {len(status.failures)} failed"
    return Group(table, Text(foot))
