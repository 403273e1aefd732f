"""Reports of progress: plain values that say how far a node is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: What happened, as JSON values under ``event``: ``start``, ``preparing`` (with ``message``), ``step`` (with
#: ``step``, ``steps``, ``from`` and ``loss``), ``receipts`` (of interventions), ``held-out``, ``probe``,
#: ``epoch``, ``point`` (of a trajectory), ``scores`` or ``done``.
Event = dict[str, Any]

#: Takes the events of a node, in order.
Report = Callable[[Event], None]


def silent(event: Event) -> None:
    """Report nothing."""
