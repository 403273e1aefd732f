"""Curves over the layers of two encoders that were trained independently: how far they can be aligned.

Functions take tidy records, of which rows with the ablation ``aligned`` are drawn, and return a matplotlib
``Figure``. Retrieval and scores of tasks are in percent, CKA is a fraction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.transfer.aligned import aligned_parts, aligned_rows, has_alignment
from layerlab.errors import RecordsError
from layerlab.names import COMPARED, CONDITIONS, measure_name, metric_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material
from layerlab.report.figures.layers.layer_curves import layer_means
from layerlab.report.style.axes import MOST_PANELS, draw_band, draw_zero, label_depth, panel_grid, put_legend
from layerlab.report.style.captions import capital, seeds_words
from layerlab.report.style.style import COLOURS, figure_style
from layerlab.report.style.wording import pair_words, slug

Part = tuple[dict[str, str], pd.DataFrame]

_DASHED, _DOTTED = (0, (4, 1.5)), (0, (1, 1.2))
_LOOKS: Mapping[str, dict[str, Any]] = {
    "own": {"color": COLOURS[5], "linestyle": "-", "marker": "P"},
    "joint_own": {"color": COLOURS[5], "linestyle": _DASHED, "marker": ""},
    "joint": {"color": COLOURS[2], "linestyle": "-", "marker": "s"},
    "joint_procrustes": {"color": COLOURS[2], "linestyle": _DASHED, "marker": ""},
    "procrustes": {"color": "black", "linestyle": "-", "marker": "o", "lw": 1.6},
    "least_squares": {"color": COLOURS[0], "linestyle": "-", "marker": "^"},
    "untrained": {"color": COLOURS[1], "linestyle": "-", "marker": "v"},
    "untrained_least_squares": {"color": COLOURS[1], "linestyle": _DASHED, "marker": ""},
    "none": {"color": "0.45", "linestyle": _DOTTED, "marker": ""},
    "rotation": {"color": "0.45", "linestyle": _DASHED, "marker": ""},
}
#: Of more curves bands hide each other.
_BANDED = ("procrustes", "joint")


def plot_aligned(frame: pd.DataFrame, metric: str, task: str = "") -> MplFigure:
    """Draw a measure of aligned encoders by layer: a curve for each map and bound, a panel for each pair.

    The axis counts the layers passed: 0 is the output of the embeddings. Bands are 95% t intervals over
    seeds, of Procrustes and of the joint model, as far as there are values. Of a task's scores, those of the
    source language are drawn too.

    Args:
        frame: Tidy records; rows of other ablations are left out.
        metric: ``word_retrieval``, ``context_retrieval``, ``sentence_retrieval``, ``cka``, or a
            task's metric.
        task: The task whose network was carried over.

    Raises:
        RecordsError: There are no such rows, or more panels than fit a page.
    """
    parts = [
        (where, rows)
        for where, rows in aligned_parts(aligned_rows(frame))
        if (where["metric"], where["task"]) == (metric, task)
    ]
    if not parts:
        raise RecordsError(f"the records have no alignment with the metric {metric!r} and task {task!r}")
    return _draw_parts(parts)


def _draw_parts(parts: list[Part]) -> MplFigure:
    where = parts[0][0]
    label = metric_name(where["metric"]) if where["task"] else measure_name(where["metric"])
    factor = 1 if where["metric"] == "cka" else 100
    with figure_style():
        titles = [pair_words(one) for one, _ in parts]
        figure, axes = panel_grid(titles, label if factor == 1 else f"{label} (%)")
        for axis, (one, rows) in zip(axes, parts, strict=True):
            _draw(axis, one, rows, factor)
        put_legend(figure, axes)
    return figure


def _draw(axis: Axes, where: Mapping[str, str], rows: pd.DataFrame, factor: int) -> None:
    """Draw one panel."""
    for name, label, part in _curves(where, rows):
        look = {"lw": 1.1, "ms": 2.6, **_LOOKS[name]}
        curve = layer_means(part.assign(value=factor * part["value"])).sort_index()
        axis.plot(curve.index, curve["mean"], label=label, **look)
        if name in _BANDED:
            low, high = (curve[end].clip(0, factor) for end in ("low", "high"))
            draw_band(axis, curve.index, low, high, look["color"])
    draw_zero(axis)
    label_depth(axis, int(rows["layer"].max()), "layers passed")


def _curves(where: Mapping[str, str], rows: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield the look and label of each curve of a panel with its rows, those of the source language first."""
    own = rows["target"] == where["source"]
    for condition, name in (("none", "own"), ("joint", "joint_own")):
        part = rows[own & (rows["intervention"] == condition)]
        if len(part):
            yield name, "source language" + (", joint model" if condition == "joint" else ""), part
    for condition, words in (COMPARED if where["metric"] == "cka" else CONDITIONS).items():
        part = rows[~own & (rows["intervention"] == condition)]
        if len(part):
            yield condition, words, part


def _find(material: Material) -> Iterator[Drawing]:
    """Yield every measure, all pairs of encoders and languages side by side, as many as a page holds."""
    frame = material.frame
    if not has_alignment(frame):
        return
    groups: dict[tuple[str, str], list[Part]] = {}
    for where, rows in aligned_parts(aligned_rows(frame)):
        groups.setdefault((where["metric"], where["task"]), []).append((where, rows))
    for (metric, task), parts in groups.items():
        for start in range(0, len(parts), MOST_PANELS):
            page = parts[start : start + MOST_PANELS]
            n_seeds = [rows["seed"].nunique() for _, rows in page]
            of = ", of Procrustes and of the joint model" if max(n_seeds) > 1 else ""
            seeds = seeds_words(n_seeds)
            if task:
                words = f"{task_name(task)} across encoders"
                caption = (
                    f"{capital(metric_name(metric))} in percent of task networks that are trained on the "
                    "frozen states of the source's encoder after so many layers, and read the target "
                    f"language from those of the target's encoder, mapped; {seeds}{of}."
                )
            else:
                words = f"{measure_name(metric)} across encoders"
                what = capital(measure_name(metric))
                caption = f"{what} by layer between two encoders, by map and bound; {seeds}{of}."
            stem = f"aligned-{slug(task or metric)}"
            yield Drawing(stem, capital(words), caption, partial(_draw_parts, page))


ALIGNED_ENCODERS = Figure(
    "aligned",
    shows="how far encoders that were trained independently can be aligned, by layer",
    needs="rows of 'layerlab align', or 'nodes: {alignment: ...}' in the study",
    find=_find,
)
