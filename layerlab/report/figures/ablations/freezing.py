"""Scores by depth of freezing: how many of the lowest layers fine-tuning can do without changing.

Reference: Wu, Dredze (2019), "Beto, Bentz, Becas"; Lee, Tang, Lin (2019), "What Would Elsa Do?".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.sensitivity import t_interval
from layerlab.analysis.effects.sweeps import select_scores
from layerlab.analysis.records.tidy import BASELINE
from layerlab.errors import RecordsError
from layerlab.models.layers import Layers
from layerlab.names import metric_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material, by_setting, only_setting
from layerlab.report.style.axes import draw_band, panel_grid, put_legend
from layerlab.report.style.captions import about, capital, count, seeds_words
from layerlab.report.style.style import SOURCE_COLOUR, ZERO_SHOT_COLOUR, figure_style
from layerlab.targets import own_targets, zero_shot_targets

_CROWDED = 8  # layers from which the first two labels would touch
_FEWEST = 2  # depths, without the baseline
_COLUMNS = ["depth", "group", "mean", "low", "high", "n_seeds", "ablation"]
_NOTHING = -1  # depth of the baseline where the embeddings alone are depth 0


@dataclass(frozen=True)
class Depths:
    """Scores by depth, in points.

    Attributes:
        setting: The task, the source, the metric and what else the scores share.
        curves: By ``depth`` (k: the lowest k layers are frozen; where the embeddings are frozen too, 0 is
            these alone and -1 nothing) and ``group`` (``source`` or ``targets``): ``mean``, ``low``,
            ``high``, ``n_seeds``, and the ``ablation``.
        n_targets: Targets in a mean.
        left_out: Ablations that freeze what another one also freezes.
        embeddings: Whether the embeddings are frozen with the layers.
    """

    setting: Mapping[str, str]
    curves: pd.DataFrame
    n_targets: int
    left_out: tuple[str, ...]
    embeddings: bool


def freezing_depth(layers: str) -> int | None:
    """Count the lowest layers that a selection holds without a gap; None if it holds others.

    >>> [freezing_depth(layers) for layers in ("embeddings", "embeddings,0-2", "0", "2-3", "0-1,5")]
    [0, 3, 1, None, None]
    """
    if not all(term == "embeddings" or term[:1].isdigit() for term in layers.split(",")):
        return None  # nothing, or a selection that depends on the depth, such as first:3
    chosen = Layers(layers)
    depth = 1 + (-1 if chosen.last is None else chosen.last)
    return depth if chosen.indices(depth) == tuple(range(depth)) else None


def scores_by_depth(frame: pd.DataFrame, metric: str | None = None) -> Depths:
    """Average the scores of runs whose lowest layers were frozen before fine-tuning, and of the baseline.

    Where several ablations freeze the same layers, the one with the fewest other options is shown, such as
    the one that keeps dropout. Older records do not have the options; there the shortest name is taken.

    Raises:
        RecordsError: No baseline, fewer than two depths, or several settings.
    """
    scores = select_scores(frame, metric)
    depths = None
    if len(scores):
        depths = _depths(only_setting(scores, "a figure of freezing"), scores)
    if depths is None:
        n_frozen = len(_frozen(scores)[0]) if len(scores) else 0
        raise RecordsError(
            f"a figure of freezing needs a baseline and {_FEWEST} depths of frozen lowest layers (the "
            f"intervention 'freeze' before fine-tuning); the records have {n_frozen}"
        )
    return depths


def _frozen(scores: pd.DataFrame) -> tuple[dict[int, str], tuple[str, ...], bool]:
    """Find the ablations that freeze the lowest layers, by depth; those left out; whether with embeddings."""
    columns = [map(str, scores[name]) for name in ("options", "ablation", "layers")]
    ablations = [
        (len(chosen), len(name), name, layers)
        for options, name, layers in set(zip(*columns, strict=True))
        if (chosen := _freezes_with(options)) is not None
    ]
    embeddings = any(Layers(layers).embeddings for *_, layers in ablations)
    names: dict[int, str] = {}
    left_out = []
    for *_, name, layers in sorted(ablations):
        depth = freezing_depth(layers)
        if depth is None or Layers(layers).embeddings != embeddings:
            continue
        if depth in names:
            left_out.append(name)
        else:
            names[depth] = name
    return names, tuple(left_out), embeddings


def _freezes_with(options: str) -> set[str] | None:
    """Return which other fields than the layers an ablation sets; None if it does anything but freeze.

    >>> _freezes_with('[{"phase": "before", "kind": "freeze", "layers": "0-5", "dropout": false}]')
    {'dropout'}
    >>> _freezes_with('[{"phase": "before", "kind": "reset", "layers": "0-5"}]')
    """
    entries = json.loads(options or "[]")
    if not entries or any((entry["phase"], entry["kind"]) != ("before", "freeze") for entry in entries):
        return None
    return {name for entry in entries for name in entry} - {"phase", "kind", "layers"}


def _depths(setting: Mapping[str, str], scores: pd.DataFrame) -> Depths | None:
    """Average the scores of one setting; None if it has no baseline or too few depths."""
    frozen, left_out, embeddings = _frozen(scores)
    if len(frozen) < _FEWEST or not (scores["ablation"] == BASELINE).any():
        return None
    names = {_NOTHING if embeddings else 0: BASELINE} | frozen
    rows = [row for depth, name in sorted(names.items()) for row in _means(scores, name, depth)]
    curves = pd.DataFrame(rows, columns=_COLUMNS)
    return Depths(setting, curves, len(_zero_shot(scores)), left_out, embeddings)


def plot_freezing(frame: pd.DataFrame, metric: str | None = None) -> MplFigure:
    """Draw the score on the source and on the mean of the targets by the number of frozen lowest layers.

    Bands are 95% t intervals over seeds. Takes the arguments of ``scores_by_depth``, raises what it raises.
    """
    return _plot(scores_by_depth(frame, metric))


def _plot(depths: Depths) -> MplFigure:
    where = depths.setting
    looks = {
        "source": (f"{where['source']} (source)", SOURCE_COLOUR, "o"),
        "targets": (f"zero-shot, mean of {depths.n_targets}", ZERO_SHOT_COLOUR, "s"),
    }
    with figure_style():
        title = f"{task_name(where['task'])} from {where['source']}"
        figure, (axis,) = panel_grid([title], f"{metric_name(where['metric'])} (points)")
        for group, (label, colour, marker) in looks.items():
            one = depths.curves[depths.curves["group"] == group]
            if one.empty:
                continue
            axis.plot(one["depth"], one["mean"], label=label, color=colour, marker=marker)
            draw_band(axis, one["depth"], one["low"], one["high"], colour)
        _label_depths(axis, depths)
        put_legend(figure, [axis])
    return figure


def _find(material: Material) -> Iterator[Drawing]:
    """Yield the scores by depth of freezing of every setting that has two depths or more."""
    for setting, rows in by_setting(material.scores):
        depths = _depths(setting, rows)
        if depths is not None:
            title = f"Depth of freezing: {about(setting)}"
            yield Drawing(material.stem("freezing", setting), title, _caption(depths), partial(_plot, depths))


def _caption(depths: Depths) -> str:
    metric, source = depths.setting["metric"], depths.setting["source"]
    below = "the embeddings and " if depths.embeddings else ""
    other = f" (left out, as they freeze the same: {', '.join(depths.left_out)})" * bool(depths.left_out)
    return (
        f"{capital(metric_name(metric))} on {source} and on the mean of "
        f"{count(depths.n_targets, 'zero-shot target')} when {below}the lowest layers are frozen during "
        f"fine-tuning, by their number{other}; {seeds_words(depths.curves['n_seeds'])}."
    )


FREEZING = Figure(
    "freezing",
    shows="scores by the number of frozen lowest layers",
    needs="the baseline and two or more depths of freezing the lowest layers",
    find=_find,
)


def _means(scores: pd.DataFrame, name: str, depth: int) -> Iterator[tuple[object, ...]]:
    """Average one ablation's scores over seeds: the source's, and those of the targets together."""
    scores = scores[scores["ablation"] == name]
    source, targets = str(scores["source"].iloc[0]), set(scores["target"])
    own = scores["target"].isin(own_targets(targets, source))
    others = scores["target"].isin(_zero_shot(scores))
    for group, rows in (("source", scores[own]), ("targets", scores[others])):
        if len(rows):
            table = rows.pivot(index="seed", columns="target", values="value").dropna()
            values = [100 * float(value) for value in table.mean(axis=1)]
            yield depth, group, sum(values) / len(values), *t_interval(values), len(values), name


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
