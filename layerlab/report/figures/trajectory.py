"""Scores along training: source and targets by epoch, and the epoch that was chosen on source dev.

Reference: Keung, Lu, Salazar, Bhardwaj (2020), "Don't Use English Dev: On the Zero-Shot Cross-Lingual
Evaluation of Contextual Embeddings".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure
from matplotlib.transforms import blended_transform_factory

from layerlab.analysis.effects.sweeps import in_order
from layerlab.analysis.transfer.oracle import SETTING, select_metric
from layerlab.errors import RecordsError
from layerlab.names import metric_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material, by_page, by_setting, only_setting
from layerlab.report.style.axes import panel_grid, put_legend
from layerlab.report.style.captions import about, capital, count, seeds_words
from layerlab.report.style.curves import draw_mean
from layerlab.report.style.style import SOURCE_COLOUR, ZERO_SHOT_COLOUR, figure_style
from layerlab.targets import own_targets, zero_shot_targets

_MOST_NAMED: Final = 6  # targets whose ends are named in a panel
_MOST_MARKED: Final = 13  # points; beyond it markers hide the lines
_GREY: Final = "0.62"
_NAME_HEIGHT: Final = 0.075  # of a panel


def plot_trajectory(frame: pd.DataFrame, metric: str | None = None) -> MplFigure:
    """Draw scores against epochs, a panel for each ablation.

    The bold lines are the source's test set and the mean of the zero-shot targets, with 95% t intervals over
    seeds as bands; the dashed line is source dev, and each thin grey one a target. Triangles on the axis mark
    the epochs that were chosen on source dev, with the number of seeds where they differ. Epochs that could
    not be chosen are shaded.

    Args:
        frame: Trajectories, as ``layerlab.analysis.records.trajectories.load_trajectories`` gives them.
        metric: The metric; none means the task's main one.

    Raises:
        RecordsError: There are several settings, more ablations than fit a page, or no such metric.
    """
    rows = select_metric(frame, metric)
    if rows.empty:
        raise RecordsError("there is no trajectory to show: the frame has no rows of the metric")
    return _plot(only_setting(rows, "a figure of trajectories", SETTING), rows)


def _plot(where: Mapping[str, str], rows: pd.DataFrame) -> MplFigure:
    source, ablations = where["source"], in_order(rows)
    targets = zero_shot_targets(sorted(set(rows["target"])), source)
    with figure_style():
        alone = f"{task_name(where['task'])} from {source}"
        titles = ablations if len(ablations) > 1 else [f"{alone}, {ablations[0]}".removesuffix(", none")]
        figure, axes = panel_grid(titles, f"{metric_name(where_metric(rows))} (points)")
        for axis, ablation in zip(axes, ablations, strict=True):
            part = rows[rows["ablation"] == ablation]
            _draw_panel(axis, part, source, targets)
        for axis, ablation in zip(axes, ablations, strict=True):
            # Once all panels are drawn, since they share one scale.
            shown = rows[(rows["ablation"] == ablation) & (rows["split"] == "test")]
            _name_targets(axis, shown[shown["place"] != "average"], targets)
            axis.set_xlabel("epochs")
        put_legend(figure, axes)
    return figure


def where_metric(rows: pd.DataFrame) -> str:
    """Return the one metric of rows."""
    return str(rows["metric"].iloc[0])


def _draw_panel(axis: Axes, part: pd.DataFrame, source: str, targets: list[str]) -> None:
    lines = part[part["place"] != "average"]
    tests = lines[lines["split"] == "test"]
    own = own_targets(sorted(set(tests["target"])), source)
    label = "target" if len(targets) > 1 else ""
    for target in targets:
        curve = _by_seed(tests[tests["target"] == target]).mean(axis=1)
        axis.plot(curve.index, curve, color=_GREY, lw=0.7, zorder=2, label=label)
        label = ""
    marker = "" if lines["epoch"].nunique() > _MOST_MARKED else "o"
    draw_mean(axis, _mean_of(tests, own), f"{source} test", SOURCE_COLOUR, lw=1.6, marker=marker)
    curve = _by_seed(lines[lines["split"] == "dev"]).mean(axis=1)
    axis.plot(curve.index, curve, label=f"{source} dev", color="black", lw=0.8, ls=(0, (3, 2)), zorder=6)
    if targets:
        words = f"mean of {len(targets)} targets" if len(targets) > 1 else f"{targets[0]} test"
        square = marker.replace("o", "s")
        draw_mean(axis, _mean_of(tests, targets), words, ZERO_SHOT_COLOUR, lw=1.6, marker=square)
    _draw_averages(axis, part[part["place"] == "average"], own, targets)
    _mark_chosen(axis, part)
    _shade_what_cannot_win(axis, part)
    last = float(lines["epoch"].max())
    step = -(-int(last) // 8) or 1
    axis.set_xticks(range(0 if float(lines["epoch"].min()) < 1 else 1, int(last) + 1, step))


def _by_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return scores in points by epoch, a column for each seed."""
    return 100 * rows.pivot_table(index="epoch", columns="seed", values="value").dropna()


def _mean_of(tests: pd.DataFrame, targets: list[str]) -> pd.DataFrame:
    chosen = tests[tests["target"].isin(targets)]
    table = chosen.pivot_table(index="epoch", columns=["seed", "target"], values="value").dropna()
    return 100 * table.T.groupby(level="seed").mean().T


def _draw_averages(axis: Axes, rows: pd.DataFrame, sources: list[str], targets: list[str]) -> None:
    """Draw the scores of means of weights, which belong to no epoch, at the end."""
    if rows.empty:
        return
    tests = rows[rows["split"] == "test"]
    for group, colour, label in (
        (sources, SOURCE_COLOUR, "weights averaged"),
        (targets, ZERO_SHOT_COLOUR, ""),
    ):
        shown = tests[tests["target"].isin(group)]
        if len(shown):
            at = float(shown["epoch"].max()) + 0.15
            axis.plot(
                [at], [100 * shown["value"].mean()], ls="", marker="*", ms=6, color=colour, zorder=6,
                label=label,
            )  # fmt: skip


def _mark_chosen(axis: Axes, part: pd.DataFrame) -> None:
    """Mark the epochs that were chosen, with how many seeds chose each where they differ."""
    chosen = part[part["chosen"] & (part["place"] == "epoch")].drop_duplicates("seed")
    counts = Counter(float(epoch) for epoch in chosen["epoch"])
    low = blended_transform_factory(axis.transData, axis.transAxes)
    label = "chosen on source dev"
    for epoch, n_seeds in sorted(counts.items()):
        axis.axvline(epoch, color="0.3", lw=0.6, ls=(0, (1, 1.5)), zorder=1)
        axis.plot(
            [epoch], [0.0], marker="^", ms=5, color="black", ls="", transform=low, clip_on=False, zorder=7,
            label=label,
        )  # fmt: skip
        label = ""
        if len(counts) > 1:
            axis.text(epoch, 0.045, f"{n_seeds} ", transform=low, fontsize=6.5, va="bottom", ha="right")


def _shade_what_cannot_win(axis: Axes, part: pd.DataFrame) -> None:
    """Shade the epochs that end before the model is changed for the last time."""
    ends = part[part["place"] == "epoch"]
    early = ends[~ends["competes"]]
    if len(early):
        last, first = float(early["epoch"].max()), float(ends[ends["competes"]]["epoch"].min())
        axis.axvspan(
            float(part["epoch"].min()), (last + first) / 2, color="0.93", zorder=0, lw=0,
            label="cannot be chosen",
        )  # fmt: skip


def _name_targets(axis: Axes, tests: pd.DataFrame, targets: list[str]) -> None:
    """Name few targets at the right end of their lines, moved apart where they would touch."""
    if not 1 < len(targets) <= _MOST_NAMED:
        return
    curves = {target: _by_seed(tests[tests["target"] == target]).mean(axis=1) for target in targets}
    low, high = axis.get_ylim()
    place = low
    for target, curve in sorted(curves.items(), key=lambda one: float(one[1].iloc[-1])):
        place = max(float(curve.iloc[-1]), place + _NAME_HEIGHT * (high - low))
        axis.annotate(
            target, (float(curve.index[-1]), place), xytext=(5, 0),
            textcoords="offset points", fontsize=6.5, color="0.4", va="center",
        )  # fmt: skip


def _find(material: Material) -> Iterator[Drawing]:
    """Yield the trajectories of every setting, its ablations side by side, as many as a page holds."""
    frame = material.trajectories
    if frame is None or frame.empty:
        return
    wanted = material.metric if material.metric in set(frame["metric"]) else None
    for where, rows in by_setting(select_metric(frame, wanted), SETTING):
        for shown in by_page(rows, ["ablation"]):
            title = f"Scores along training: {about(where)}"
            name = material.stem("trajectory", where)
            yield Drawing(name, title, _caption(where, shown), partial(_plot, where, shown))


def _caption(where: Mapping[str, str], rows: pd.DataFrame) -> str:
    source = where["source"]
    targets = zero_shot_targets(sorted(set(rows["target"])), source)
    seeds, metric = rows.groupby("ablation")["seed"].nunique(), capital(metric_name(where_metric(rows)))
    return (
        f"{metric} on {source} and {count(len(targets), 'zero-shot target')} along fine-tuning; "
        "triangles mark the epochs that were chosen on source dev, which saw no target (with the "
        f"number of seeds where they differ); {seeds_words(seeds)}."
    )


TRAJECTORY = Figure(
    "trajectory",
    shows="scores along training",
    needs="trajectories (`trajectory:` in the study)",
    find=_find,
)
