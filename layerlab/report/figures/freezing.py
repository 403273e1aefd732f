"""Scores by depth of freezing: how many of the lowest layers fine-tuning can do without changing.

Reference: Wu, Dredze (2019), "Beto, Bentz, Becas"; Lee, Tang, Lin (2019), "What Would Elsa Do?".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from layerlab.analysis.records import BASELINE
from layerlab.analysis.sensitivity import SETTING, t_interval
from layerlab.analysis.sweeps import select_scores
from layerlab.errors import RecordsError
from layerlab.report.figures.drawing import Drawing, Material, by_setting
from layerlab.report.figures.plots import put_legend
from layerlab.report.style.axes import panel_grid
from layerlab.report.style.captions import about, capital, count, seeds_words
from layerlab.report.style.panels import METRIC_NAMES
from layerlab.report.style.style import SOURCE_COLOUR, ZERO_SHOT_COLOUR, figure_style
from layerlab.report.style.wording import task_words
from layerlab.targets import zero_shot_targets

_DEPTH = re.compile(r"(embeddings)?(?:(?:^|,)0(?:-(\d+))?)?")
_CROWDED = 8  # layers from which the first two labels would touch
_FEWEST = 2  # depths besides the baseline
_NOTHING = -1  # depth of the baseline where the embeddings alone are depth 0


@dataclass(frozen=True)
class Depths:
    """Scores by depth, in points.

    Attributes:
        curves: By ``depth`` (k: the lowest k layers are frozen; where the embeddings are frozen too, 0 is
            these alone and -1 nothing) and ``group`` (``source`` or ``targets``): ``mean``, ``low``,
            ``high``, ``n_seeds``, and the ``ablation``.
        n_targets: Targets in a mean.
        left_out: Ablations that freeze what another one also freezes.
        embeddings: Whether the embeddings are frozen with the layers.
    """

    curves: pd.DataFrame
    n_targets: int
    left_out: tuple[str, ...]
    embeddings: bool


def freezing_depth(layers: str) -> int | None:
    """Count the lowest layers that a selection holds without a gap; None if it holds others.

    >>> [freezing_depth(layers) for layers in ("embeddings", "embeddings,0-2", "0", "2-3", "0-1,5")]
    [0, 3, 1, None, None]
    """
    found = _DEPTH.fullmatch(layers)
    if not layers or not found:
        return None
    if layers == "embeddings":
        return 0
    return int(found[2] or 0) + 1


def scores_by_depth(frame: pd.DataFrame, metric: str | None = None) -> Depths:
    """Average the scores of runs whose lowest layers were frozen before fine-tuning, and of the baseline.

    Where several ablations freeze the same layers, as with and without dropout, the one with the shortest
    name counts: a longer name says in what an ablation differs.

    Args:
        frame: Tidy records of one model, task and source.
        metric: The metric; None for the task's own.

    Raises:
        RecordsError: No baseline, fewer than two depths, or several settings.
    """
    scores = select_scores(frame, metric)
    n_settings = len(scores[list(SETTING)].drop_duplicates())
    if n_settings > 1:
        raise RecordsError(f"a figure of freezing shows one setting, and got {n_settings}")
    frozen = scores[(scores["intervention"] == "freeze") & (scores["phase"] == "before")]
    depths = {str(layers): freezing_depth(str(layers)) for layers in frozen["layers"].unique()}
    with_embeddings = any(layers.startswith("embeddings") for layers in depths)
    wanted: dict[int, str] = {_NOTHING if with_embeddings else 0: BASELINE}
    left_out = []
    names = sorted(set(zip(frozen["ablation"], frozen["layers"], strict=True)), key=lambda row: len(row[0]))
    for name, layers in names:
        depth = depths[layers]
        if depth is None or layers.startswith("embeddings") != with_embeddings:
            continue
        if depth in wanted:
            left_out.append(str(name))
        else:
            wanted[depth] = str(name)
    if len(wanted) <= _FEWEST or not (scores["ablation"] == BASELINE).any():
        raise RecordsError(
            f"a figure of freezing needs a baseline and {_FEWEST} depths of frozen lowest layers (the "
            f"intervention 'freeze' before fine-tuning); the records have {len(wanted) - 1}"
        )
    curves = [
        row
        for depth, name in sorted(wanted.items())
        for row in _means(scores[scores["ablation"] == name], depth)
    ]
    n_targets = len(_zero_shot(scores))
    return Depths(pd.DataFrame(curves), n_targets, tuple(left_out), with_embeddings)


def plot_freezing(frame: pd.DataFrame, metric: str | None = None) -> Figure:
    """Draw the score on the source and on the mean of the targets by the number of frozen lowest layers.

    Bands are 95% t intervals over seeds. Takes the arguments of ``scores_by_depth``, raises what it raises.
    """
    depths = scores_by_depth(frame, metric)
    row = select_scores(frame, metric).iloc[0]
    looks = {
        "source": (f"{row['source']} (source)", SOURCE_COLOUR, "o"),
        "targets": (f"zero-shot, mean of {depths.n_targets}", ZERO_SHOT_COLOUR, "s"),
    }
    with figure_style():
        figure, (axis,) = panel_grid([f"{task_words(str(row['task']))} from {row['source']}"])
        for group, (label, colour, marker) in looks.items():
            one = depths.curves[depths.curves["group"] == group]
            if one.empty:
                continue
            axis.plot(one["depth"], one["mean"], label=label, color=colour, marker=marker)
            if one["low"].notna().any():
                axis.fill_between(one["depth"], one["low"], one["high"], color=colour, alpha=0.2, lw=0)
        metric_name = METRIC_NAMES.get(str(row["metric"]), str(row["metric"]))
        axis.set_ylabel(f"{metric_name} (points)")
        _label_depths(axis, depths)
        put_legend(figure, [axis])
    return figure


def draw_freezing(material: Material) -> Iterator[Drawing]:
    """Draw the scores by depth of freezing of every setting that has two depths or more."""
    if not (material.frame["intervention"] == "freeze").any():
        return
    scores = select_scores(material.frame, material.metric)
    for setting, rows in by_setting(scores):
        try:
            depths = scores_by_depth(rows, setting["metric"])
        except RecordsError:  # too few depths
            continue
        metric = METRIC_NAMES.get(setting["metric"], setting["metric"])
        below = "the embeddings and " if depths.embeddings else ""
        other = f" (left out, as they freeze the same: {', '.join(depths.left_out)})" * bool(depths.left_out)
        caption = (
            f"{capital(metric)} on {setting['source']} and on the mean of "
            f"{count(depths.n_targets, 'zero-shot target')} when {below}the lowest layers are frozen during "
            f"fine-tuning, by their number{other}; {seeds_words(depths.curves['n_seeds'])}."
        )
        name = material.stem("freezing", setting)
        figure = plot_freezing(rows, setting["metric"])
        yield Drawing(name, f"Depth of freezing: {about(setting)}", caption, figure)


def _means(scores: pd.DataFrame, depth: int) -> list[dict[str, object]]:
    """Average one ablation's scores over seeds: the source's, and those of the targets together."""
    own, others = scores["target"] == scores["source"], scores["target"].isin(_zero_shot(scores))
    found = []
    for group, rows in (("source", scores[own]), ("targets", scores[others])):
        if rows.empty:
            continue
        table = rows.pivot(index="seed", columns="target", values="value").dropna()
        values = [100 * float(value) for value in table.mean(axis=1)]
        low, high = t_interval(values)
        mean = sum(values) / len(values)
        found.append(
            {
                "depth": depth,
                "group": group,
                "mean": mean,
                "low": low,
                "high": high,
                "n_seeds": len(values),
                "ablation": scores["ablation"].iloc[0],
            }
        )
    return found


def _zero_shot(scores: pd.DataFrame) -> list[str]:
    return zero_shot_targets(sorted(set(scores["target"])), str(scores["source"].iloc[0]))


def _label_depths(axis: Axes, depths: Depths) -> None:
    deepest = int(depths.curves["depth"].max())
    step = -(-deepest // 7)
    if depths.embeddings:
        marks = [_NOTHING, *range(0, deepest + 1, step)]
        axis.set_xticks(marks, ["none", "emb", *(f"+{mark}" for mark in marks[2:])])
        if deepest >= _CROWDED:
            axis.get_xticklabels()[0].set_horizontalalignment("right")
        axis.set_xlabel("frozen: embeddings + lowest layers")
    else:
        axis.set_xticks(range(0, deepest + 1, step))
        axis.set_xlabel("frozen lowest layers")
