"""The benchmark's results as Markdown: a table a workload, its goals beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layerlab.bench.measurement import Measurement
from layerlab.bench.summary import UNITS, Spread, Verdict, of_contender, spread_of, unlike, verdicts
from layerlab.bench.workload import Goal, Workload

_COLUMNS = (
    "contender", "wall, s", "CPU, s", "largest process, MB", "together, MB", "share of the limit", "steps",
    "mean score", "tokens/s", "repeats",
)  # fmt: skip

_HOW = (
    "Values are medians, with the smallest and the largest repeat in brackets; ratios are taken repeat by "
    "repeat. Every contender is a whole process, from start to end; its CPU time is that of all processes "
    "that it starts. The share of the limit is the time that the needed arithmetic takes at the measured "
    "rate, over the wall time."
)


def write_report(
    workloads: Sequence[Workload], measurements: Sequence[Measurement], machine: Mapping[str, Any]
) -> str:
    """Return the whole report in Markdown."""
    parts = ["# Benchmark", "", describe(machine, measurements), ""]
    for workload in workloads:
        parts += _workload(workload, measurements)
    return "\n".join(parts)


def describe(machine: Mapping[str, Any], measurements: Sequence[Measurement]) -> str:
    """Return the machine in a few sentences."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version)
    rates = (
        Spread.of(rates) if (rates := [one.rate_flops for one in measurements if one.rate_flops]) else None
    )
    rate = f"; large matrix products run at {_range(rates, 1e-9)} GFLOP/s in fp32" if rates else ""
    loads = [one.load for one in measurements if one.load is not None]
    busy = f" Processes that wanted a core before a measurement: {_range(Spread.of(loads))}." if loads else ""
    commits = sorted({one.commit for one in measurements if one.commit})
    memory = f", {machine['memory_bytes'] / 1e9:.0f} GB" if machine["memory_bytes"] else ""
    flags = ", ".join(machine["flags"]) or "no known flags"
    return (
        f"{machine['processor']}, {machine['cores']} cores ({flags}){memory}{rate}.{busy} "
        f"Python {machine['python']}, {versions}; commit {', '.join(commits) or 'unknown'}.\n\n{_HOW}"
    )


def _workload(workload: Workload, measurements: Sequence[Measurement]) -> list[str]:
    rows = [
        _row(contender.name, of_contender(measurements, workload.name, contender.name))
        for contender in workload.contenders
    ]
    shown = [index for index in range(len(_COLUMNS)) if index == 0 or any(row[index] for row in rows)]
    lines = [f"## {workload.name}: {workload.title}", "", f"{workload.about}.", ""]
    lines += _table([[row[index] for index in shown] for row in (_COLUMNS, *rows)])
    failed = [one for one in measurements if one.workload == workload.name and not one.good]
    notes = [f"- not alike: {note}" for note in unlike(workload, measurements)]
    notes += [f"- failed: {one.contender}, repeat {one.repeat}: {one.message}" for one in failed]
    lines += ["", *notes] if notes else []
    found = verdicts(workload, measurements)
    if found:
        lines += ["", *_table([("goal", "measured", ""), *map(_verdict, found)])]
    return [*lines, ""]


def _row(name: str, good: Sequence[Measurement]) -> list[str]:
    if not good:
        return [name, "not measured", *[""] * (len(_COLUMNS) - 2)]
    together = [one.together_bytes for one in good if one.together_bytes]
    tokens = [one.tokens_per_second for one in good if one.tokens_per_second]
    scores = [one.score for one in good if one.score is not None]
    share = spread_of(good, "share")
    return [
        name,
        _range(spread_of(good, "wall")),
        _range(spread_of(good, "cpu")),
        _range(spread_of(good, "memory"), 1e-6),
        _range(Spread.of(together), 1e-6) if together else "",
        _range(share, 100, " %"),
        str(good[-1].steps or ""),
        _range(Spread.of(scores), 100) if scores else "",
        _range(Spread.of(tokens)) if tokens else "",
        str(len(good)),
    ]


def _verdict(verdict: Verdict) -> tuple[str, str, str]:
    found, goal = verdict.found, verdict.goal
    scale, unit = (
        (100, " %") if goal.quantity in ("share", "memory") else (1, " s" if goal.against is None else " x")
    )
    measured = _range(found, scale, unit) if found else "not measured"
    return goal_words(goal), measured, "reached" if verdict.reached else "missed"


def goal_words(goal: Goal) -> str:
    """Say what is claimed.

    >>> goal_words(Goal("wall", "trainer", 3.5)), goal_words(Goal("share", None, 0.55))
    ('wall time: at least 3.5 x as fast as trainer', 'share of the limit: at least 55 %')
    """
    what = UNITS[goal.quantity]
    if goal.of != "layerlab":
        what = f"{goal.of}, {what}"
    if goal.quantity == "share":
        return f"{what}: at least {100 * goal.limit:g} %"
    if goal.quantity == "memory":
        return f"{what}: at most {100 * goal.limit:g} % of {goal.against}"
    if goal.against is None:
        return f"{what}: at most {goal.limit:g} s"
    return f"{what}: at least {goal.limit:g} x as fast as {goal.against}"


def _range(spread: Spread | None, scale: float = 1, unit: str = "") -> str:
    """Write a median with the smallest and the largest value."""
    if spread is None:
        return ""
    middle, low, high = (scale * value for value in (spread.middle, spread.low, spread.high))
    text = f"{_number(middle)}{unit}"
    return text if spread.n == 1 else f"{text} ({_number(low)} to {_number(high)})"


def _number(value: float) -> str:
    """Write a number with about three digits.

    >>> _number(0.0412), _number(3.14159), _number(1234.5)
    ('0.041', '3.14', '1,234')
    """
    digits = 3 if value < 0.1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Write rows, the first of them headers; the first column to the left, the others to the right."""
    widths = [max(4, *(len(row[column]) for row in rows)) for column in range(len(rows[0]))]
    rule = [
        ":" + "-" * (width - 1) if not column else "-" * (width - 1) + ":"
        for column, width in enumerate(widths)
    ]
    header, *body = rows

    def line(row: Sequence[str]) -> str:
        cells = (
            text.rjust(width) if column else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        return f"| {' | '.join(cells)} |"

    return [line(header), line(rule), *map(line, body)]
