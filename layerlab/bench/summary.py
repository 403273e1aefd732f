"""What measurements say: medians with their spread, ratios repeat by repeat, and which goals are reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from layerlab.bench.measurement import Measurement
from layerlab.bench.workload import Goal, Quantity, Workload

UNITS: Final[dict[str, str]] = {
    "wall": "wall time",
    "cpu": "CPU time",
    "memory": "peak memory",
    "share": "share of the limit",
}


@dataclass(frozen=True)
class Spread:
    """Values of several repeats.

    Attributes:
        middle: Their median.
        low: The smallest.
        high: The largest.
        n: How many.
    """

    middle: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least one value.

        >>> Spread.of([3.0, 1.0, 2.0])
        Spread(middle=2.0, low=1.0, high=3.0, n=3)
        """
        return cls(median(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class Verdict:
    """A goal beside what was measured.

    Attributes:
        workload: Name of the workload.
        goal: The goal.
        found: The measured ratio or value; None if a contender failed in every repeat.
        reached: Whether the median reaches it.
    """

    workload: str
    goal: Goal
    found: Spread | None
    reached: bool


def of_contender(measurements: Sequence[Measurement], workload: str, contender: str) -> list[Measurement]:
    """Return the good measurements of a contender, by repeat."""
    return sorted(
        (one for one in measurements if (one.workload, one.contender) == (workload, contender) and one.good),
        key=lambda one: one.repeat,
    )


def value_of(measurement: Measurement, quantity: Quantity) -> float | None:
    """Return a quantity of a measurement; None if it is not known."""
    values: dict[str, float | None] = {
        "wall": measurement.wall_seconds,
        "cpu": measurement.cpu_seconds,
        "memory": float(measurement.largest_bytes),
        "share": measurement.share,
    }
    return values[quantity]


def spread_of(measurements: Sequence[Measurement], quantity: Quantity) -> Spread | None:
    """Return the spread of a quantity over repeats; None if it is not known."""
    values = [value for one in measurements if (value := value_of(one, quantity)) is not None]
    return Spread.of(values) if values else None


def ratio(
    measurements: Sequence[Measurement], workload: str, quantity: Quantity, of: str, against: str
) -> Spread | None:
    """Return how many times the quantity of ``of`` goes into that of ``against``, repeat by repeat.

    So a ratio of times above 1 says that ``of`` is faster. None if no repeat has both.
    """
    mine = {one.repeat: value_of(one, quantity) for one in of_contender(measurements, workload, of)}
    pairs = [
        (mine.get(other.repeat), value_of(other, quantity))
        for other in of_contender(measurements, workload, against)
    ]
    ratios = [theirs / own for own, theirs in pairs if own and theirs]
    return Spread.of(ratios) if ratios else None


def verdicts(workload: Workload, measurements: Sequence[Measurement]) -> list[Verdict]:
    """Return every goal of a workload beside what was measured."""
    found = []
    for goal in workload.goals:
        if goal.against is None:
            spread = spread_of(of_contender(measurements, workload.name, goal.of), goal.quantity)
            at_least = goal.quantity == "share"
        elif goal.quantity == "memory":
            spread = ratio(measurements, workload.name, "memory", goal.against, goal.of)
            at_least = False
        else:
            spread = ratio(measurements, workload.name, goal.quantity, goal.of, goal.against)
            at_least = True
        reached = spread is not None and (
            spread.middle >= goal.limit if at_least else spread.middle <= goal.limit
        )
        found.append(Verdict(workload.name, goal, spread, reached))
    return found


def unlike(workload: Workload, measurements: Sequence[Measurement]) -> list[str]:
    """Say where contenders did not do the same: other numbers of steps, or scores over five points apart."""
    notes = []
    good = [one for one in measurements if one.workload == workload.name and one.good]
    steps = {one.contender: one.steps for one in good if one.steps is not None}
    if len(set(steps.values())) > 1:
        notes.append(f"other numbers of steps: {', '.join(f'{name} {n}' for name, n in steps.items())}")
    scores = [one.score for one in good if one.score is not None]
    if scores and max(scores) - min(scores) > 0.05:
        notes.append(f"mean scores from {100 * min(scores):.1f} to {100 * max(scores):.1f}")
    return notes
