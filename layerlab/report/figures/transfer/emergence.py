"""Emergence: transfer after ever more steps of pretraining, and what is in which layer by then.

Reference: Blevins, Gonen, Zettlemoyer (2022), "Analyzing the Mono- and Cross-Lingual Pretraining Dynamics of
Multilingual Language Models".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.sweeps import select_scores
from layerlab.analysis.transfer.emergence import emerging_rows, means_by_step, structure_rows
from layerlab.errors import RecordsError
from layerlab.names import measure_name, metric_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material, by_setting, only_setting
from layerlab.report.style.axes import put_legend
from layerlab.report.style.captions import capital, seeds_words
from layerlab.report.style.curves import draw_mean
from layerlab.report.style.matrix import draw_matrix
from layerlab.report.style.style import FULL_WIDTH, SOURCE_COLOUR, ZERO_SHOT_COLOUR, figure_style
from layerlab.report.style.wording import slug
from layerlab.targets import own_targets, zero_shot_targets

_PLACE: Final = ("study", "encoder", "source")
_COLUMNS: Final = 2
_LINES, _LEVEL, _FRAME = 1.5, 0.13, 0.62  # inches: a panel of lines, a row of a matrix, what is around it
_GREY: Final = "0.62"
_PROBE: Final = "probe "


def plot_emergence(frame: pd.DataFrame, metric: str | None = None) -> MplFigure:
    """Draw what an encoder can do after ever more steps of pretraining.

    Above, for each task, the score on the source and the mean of the zero-shot targets after fine-tuning,
    with 95% t intervals over seeds; each target is a thin line. Below, for each measure and for probes of
    each task, a matrix of steps and layers of the encoder as pretraining left it, mean over the targets.

    Args:
        frame: Tidy records.
        metric: The metric of scores; None for each task's own.

    Raises:
        RecordsError: No encoder was kept after several steps, or several were.
    """
    rows = emerging_rows(frame)
    if rows.empty:
        raise RecordsError(
            "there is no emergence to show: the records need one pretraining after several steps, such as "
            "small@1000 and small"
        )
    return _plot(only_setting(rows, "a figure of emergence", _PLACE), rows, metric)


def _plot(where: Mapping[str, str], rows: pd.DataFrame, metric: str | None) -> MplFigure:
    scores, structure = select_scores(rows, metric), structure_rows(rows)
    steps = sorted({int(step) for step in rows["step"]})
    tasks, quantities = list(dict.fromkeys(scores["task"])), _in_order(structure)
    n_lines, n_matrices = -(-len(tasks) // _COLUMNS), -(-len(quantities) // _COLUMNS)
    n_levels = int(structure["layer"].max()) + 1 if len(structure) else 0
    heights = [_LINES] * n_lines + [_FRAME + _LEVEL * n_levels] * n_matrices
    with figure_style():
        figure = MplFigure(figsize=(FULL_WIDTH, sum(heights)), layout="constrained")
        grid = figure.subplots(len(heights), _COLUMNS, squeeze=False, height_ratios=heights)
        for axis in grid.flat:
            axis.set_axis_off()
        lines = list(grid[:n_lines].flat)[: len(tasks)]
        for axis, task in zip(lines, tasks, strict=True):
            _draw_lines(axis, scores[scores["task"] == task], where["source"], steps)
        matrices = list(grid[n_lines:].flat)[: len(quantities)]
        for number, (axis, quantity) in enumerate(zip(matrices, quantities, strict=True)):
            _draw_levels(axis, structure[structure["quantity"] == quantity], quantity, number)
        for axis in (*lines, *matrices):
            axis.set_xlabel("steps of pretraining")
        put_legend(figure, lines)
    return figure


def _in_order(structure: pd.DataFrame) -> list[str]:
    """List what is known of layers, measures first."""
    names = list(dict.fromkeys(map(str, structure["quantity"])))
    return sorted(names, key=lambda name: name.startswith(_PROBE))


def _draw_lines(axis: Axes, rows: pd.DataFrame, source: str, steps: Sequence[int]) -> None:
    """Draw the scores of one task, a place for each step as below in the matrices."""
    axis.set_axis_on()
    targets = zero_shot_targets(sorted(set(rows["target"])), source)
    own = own_targets(sorted(set(rows["target"])), source)
    label = "target" if len(targets) > 1 else ""
    for target in targets if len(targets) > 1 else ():
        curve = _by_seed(rows, [target], steps).mean(axis=1)
        axis.plot(curve.index, curve, color=_GREY, lw=0.7, zorder=2, label=label)
        label = ""
    words = f"mean of {len(targets)} targets" if len(targets) > 1 else ", ".join(targets)
    for names, called, colour, marker in (
        (own, source, SOURCE_COLOUR, "o"),
        (targets, words, ZERO_SHOT_COLOUR, "s"),
    ):
        draw_mean(axis, _by_seed(rows, names, steps), called, colour, marker=marker)
    axis.set_xticks(range(len(steps)), [f"{step:,}" for step in steps])
    axis.set_xlim(-0.5, len(steps) - 0.5)
    axis.set_title(f"{task_name(str(rows['task'].iloc[0]))} from {source}")
    axis.set_ylabel(f"{metric_name(str(rows['metric'].iloc[0]))} (%)")


def _by_seed(rows: pd.DataFrame, targets: Sequence[str], steps: Sequence[int]) -> pd.DataFrame:
    """Return the mean score in percent over targets by place of the step, a column for each seed."""
    chosen = rows[rows["target"].isin(targets)]
    table = 100 * chosen.pivot_table(index="step", columns="seed", values="value", aggfunc="mean")
    table.index = pd.Index([steps.index(int(step)) for step in table.index])
    return table


def _draw_levels(axis: Axes, rows: pd.DataFrame, quantity: str, number: int) -> None:
    """Draw one quantity: the embeddings are the lowest row."""
    axis.set_axis_on()
    table = 100 * means_by_step(rows).sort_index(ascending=False)
    table.columns = pd.Index([f"{int(step):,}" for step in table.columns])
    draw_matrix(axis, table, size=6, square=False)
    axis.set_title(_quantity_words(rows, quantity))
    axis.set_ylabel("" if number % _COLUMNS else "layers passed")


def _quantity_words(rows: pd.DataFrame, quantity: str) -> str:
    if quantity.startswith(_PROBE):
        task = task_name(quantity.removeprefix(_PROBE))
        return f"probes of {task}, {metric_name(str(rows['metric'].iloc[0]))} (%)"
    return capital(measure_name(quantity)) + " (x 100)" * quantity.startswith("cka")


def _find(material: Material) -> Iterator[Drawing]:
    """Yield a drawing for each encoder that was kept after several steps, and each source."""
    for where, rows in by_setting(emerging_rows(material.frame), _PLACE):
        wanted = material.metric if material.metric in set(rows["metric"]) else None
        title = f"Emergence: {where['encoder']}, from {where['source']}"
        name = slug(" ".join(["emergence", where["encoder"], where["source"]]))
        yield Drawing(name, title, _caption(where, rows), partial(_plot, where, rows, wanted))


def _caption(where: Mapping[str, str], rows: pd.DataFrame) -> str:
    seeds = rows.groupby(["step", "task"])["seed"].nunique()
    targets = zero_shot_targets(sorted(set(rows["target"])), where["source"])
    return (
        f"Scores of {where['encoder']} after fine-tuning on {where['source']}, and what its layers hold "
        f"before that, after ever more steps of pretraining: measures of {where['source']} and target, and "
        f"probes of the target ({', '.join(targets)}); matrices are means over targets and seeds; "
        f"{seeds_words(seeds)}."
    )


EMERGENCE = Figure(
    "emergence",
    shows="transfer and layers after ever more steps of pretraining",
    needs="one pretraining after several steps (`models: [small@1000, small]`)",
    find=_find,
)
