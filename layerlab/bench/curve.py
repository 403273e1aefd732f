"""How the time and memory of verbs grow with a study, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from matplotlib.figure import Figure

from layerlab.bench.measurement import Measurement
from layerlab.bench.workloads.scale import VERBS, Point
from layerlab.report.style.axes import put_legend
from layerlab.report.style.style import COLOURS, FULL_WIDTH, MARKERS, figure_style


def draw_curve(points: Sequence[Point], measurements: Sequence[Measurement]) -> Figure | None:
    """Draw seconds of CPU and peak memory over the number of runs, medians over repeats.

    None if less than two sizes were measured.
    """
    by_name: dict[str, list[Measurement]] = {}
    for one in measurements:
        if one.good and one.workload == "scale":
            by_name.setdefault(one.contender, []).append(one)
    there = [point for point in points if point.name in by_name]
    if len({point.runs for point in there}) < 2:
        return None
    with figure_style():
        figure = Figure(figsize=(FULL_WIDTH, 2.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        for number, (verb, name) in enumerate(VERBS.items()):
            mine = [point for point in there if point.verb == verb]
            runs = [point.runs for point in mine]
            seconds = [median(one.cpu_seconds for one in by_name[point.name]) for point in mine]
            size = [median(one.largest_bytes for one in by_name[point.name]) / 1e6 for point in mine]
            colour, marker = COLOURS[number], MARKERS[number]
            left.plot(runs, seconds, color=colour, marker=marker, label=name)
            right.plot(runs, size, color=colour, marker=marker)
        for axis, label in ((left, "CPU seconds"), (right, "peak memory (MB)")):
            axis.set(xscale="log", yscale="log", xlabel="runs", ylabel=label)
        put_legend(figure, [left])
    return figure
