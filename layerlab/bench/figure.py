"""The benchmark's figure: how many times as fast layerlab is, by workload, with its spread and goals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from layerlab.bench.measurement import Measurement
from layerlab.bench.summary import Spread, ratio
from layerlab.bench.workload import MAIN, Quantity, Workload
from layerlab.report.style.axes import put_legend
from layerlab.report.style.style import COLOURS, FULL_WIDTH, MARKERS, figure_style

_SHOWN: Final[tuple[tuple[Quantity, str], ...]] = (("wall", "wall time"), ("cpu", "CPU time"))


def draw_ratios(workloads: Sequence[Workload], measurements: Sequence[Measurement]) -> Figure | None:
    """Draw the ratio of every other contender's time to layerlab's, on a logarithmic axis.

    Dots are medians over repeats, lines reach from the smallest to the largest repeat, open marks are goals.
    None if nothing can be compared.
    """
    rows = [
        (workload, contender.name)
        for workload in workloads
        for contender in workload.contenders
        if contender.name != MAIN and ratio(measurements, workload.name, "wall", MAIN, contender.name)
    ]
    if not rows:
        return None
    with figure_style():
        figure = Figure(figsize=(FULL_WIDTH, 0.75 + 0.3 * len(rows)), layout="constrained")
        axis = figure.subplots()
        for index, (workload, against) in enumerate(rows):
            for number, (quantity, _) in enumerate(_SHOWN):
                found = ratio(measurements, workload.name, quantity, MAIN, against)
                if found:
                    _draw(axis, found, index + 0.2 * (number - 0.5), number, first=not index)
                _draw_goal(axis, workload, against, quantity, index + 0.2 * (number - 0.5), number)
        _label(axis, [f"{workload.name}: {against}" for workload, against in rows])
        put_legend(figure, [axis])
    return figure


def _draw(axis: Axes, found: Spread, y: float, number: int, *, first: bool) -> None:
    colour, name = COLOURS[number], _SHOWN[number][1]
    axis.plot([found.low, found.high], [y, y], color=colour, lw=1.2)
    axis.plot(
        [found.middle], [y], color=colour, marker=MARKERS[number], ls="none", label=name if first else None
    )


def _draw_goal(axis: Axes, workload: Workload, against: str, quantity: str, y: float, number: int) -> None:
    for goal in workload.goals:
        if (goal.of, goal.against, goal.quantity) == (MAIN, against, quantity):
            axis.plot(
                [goal.limit], [y], color=COLOURS[number], marker="|", ms=8, mew=1.2, ls="none",
                label=f"goal, {_SHOWN[number][1]}",
            )  # fmt: skip


def _label(axis: Axes, names: Sequence[str]) -> None:
    axis.axvline(1, color="0.6", lw=0.6, zorder=0)
    axis.set_xscale("log")
    axis.xaxis.set_minor_formatter(NullFormatter())
    low, high = axis.get_xlim()
    low, high = min(low, 0.8), max(high, 2.5)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 20, 50, 100) if low <= tick <= high]
    axis.set_xlim(low, high)
    axis.set_xticks(ticks)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlabel("time of the other over time of layerlab (above 1: layerlab is faster)")
