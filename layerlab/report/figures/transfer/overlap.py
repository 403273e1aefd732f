"""Zero-shot scores against overlap: whether a target of whose text more is cut as the source's is gains more.

References: Pires, Schlinger, Garrette (2019), "How Multilingual is Multilingual BERT?", section 4.1, over
languages; Wu, Conneau, Li, Zettlemoyer, Stoyanov (2020), "Emerging Cross-lingual Structure in Pretrained
Language Models", Table 1, over encoders that were pretrained with more and fewer anchor points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure
from matplotlib.patheffects import withStroke

from layerlab.analysis.transfer.overlap import PLACE, correlate_overlap, overlap_points
from layerlab.errors import RecordsError
from layerlab.names import metric_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material, by_setting, only_setting
from layerlab.report.style.axes import fit_title, put_legend
from layerlab.report.style.captions import count, seeds_words
from layerlab.report.style.labels import label_points
from layerlab.report.style.style import COLOURS, COLUMN_WIDTH, FULL_WIDTH, MARKERS, figure_style
from layerlab.report.style.wording import slug

_FEWEST: Final = 3  # points of a panel
_MOST_NAMED: Final = 40  # points of a panel; the names of more cover one another
_MOST_LETTERS: Final = 90  # of a panel's names, for three panels side by side
_HEIGHT: Final = 2.2  # inches of a panel
_NAMES: Final = 6.5  # points, size of the text
_FRACTIONS: Final = ("shared", "shared_low", "shared_high", "score", "low", "high")
_NEEDS: Final = "overlaps (nodes: {overlap: {}}), and zero-shot scores of three models and targets or more"


def plot_overlap(frame: pd.DataFrame, metric: str | None = None) -> MplFigure:
    """Draw the zero-shot score of every model and target against its shared tokens, a panel for each task.

    Args:
        frame: Tidy records of one study and source, with overlaps.
        metric: The metric of scores; None for each task's own.

    Raises:
        RecordsError: No overlaps, several studies or sources, or fewer than three models and targets.
    """
    points = _drawable(overlap_points(frame, metric))
    if points.empty:
        raise RecordsError(f"there is no overlap to show: a panel needs {_NEEDS}")
    only_setting(points, "a figure of overlap", PLACE)
    return _plot(points)


def _drawable(points: pd.DataFrame) -> pd.DataFrame:
    """Keep the tasks that have enough points."""
    return points[points.groupby([*PLACE, "task"])["target"].transform("size") >= _FEWEST]


def _plot(points: pd.DataFrame) -> MplFigure:
    coloured, named = _roles(points)
    groups = points[coloured] if coloured else pd.Series("", points.index)
    points = points.assign(group=groups, colour=pd.factorize(groups)[0], name=points[named])
    tasks, columns = list(dict.fromkeys(points["task"])), _columns(points)
    lines = -(-len(tasks) // columns)
    width = COLUMN_WIDTH if columns == 1 else FULL_WIDTH
    with figure_style():
        figure = MplFigure(figsize=(width, (_HEIGHT + 0.55) * lines), layout="constrained")
        axes = list(figure.subplots(lines, columns, squeeze=False).ravel())
        for axis in axes[len(tasks) :]:
            axis.set_axis_off()
        for axis, task in zip(axes, tasks, strict=False):
            _draw(axis, points[points["task"] == task], (width - 0.1) / columns - 0.55)
        put_legend(figure, axes[: len(tasks)])
    return figure


def _roles(points: pd.DataFrame) -> tuple[str, str]:
    """Choose what points are coloured by, if by anything, and named after: of the fewer, and of the more."""
    n_models, n_targets = points["model"].nunique(), points["target"].nunique()
    coloured, named = ("target", "model") if n_targets <= n_models else ("model", "target")
    return coloured if 1 < min(n_models, n_targets) <= len(COLOURS) else "", named


def _columns(points: pd.DataFrame) -> int:
    """Choose how many panels stand side by side: fewer where many or long names need room."""
    n_tasks = points["task"].nunique()
    if n_tasks < 3 or n_tasks == 4:
        return min(n_tasks, 2)
    letters = max(sum(map(len, names)) for _, names in points.groupby("task")["name"])
    return 3 if letters <= _MOST_LETTERS else 2


def _draw(axis: Axes, rows: pd.DataFrame, width: float) -> None:
    """Draw the points of one task in a panel of a width in inches, with their intervals and names."""
    rows = rows.assign(**{name: 100 * rows[name] for name in _FRACTIONS})
    for group, part in rows.groupby("group", sort=False):
        number = int(part["colour"].iloc[0])
        colour = COLOURS[number]
        axis.vlines(part["shared"], part["low"], part["high"], color=colour, lw=0.6, alpha=0.6)
        axis.hlines(part["score"], part["shared_low"], part["shared_high"], color=colour, lw=0.6, alpha=0.6)
        look: dict[str, Any] = {"color": colour, "marker": MARKERS[number], "ms": 3.2, "linestyle": "none"}
        axis.plot(part["shared"], part["score"], label=str(group), **look)
    axis.margins(0.12)
    axis.set_xlim(axis.get_xlim())
    axis.set_ylim(axis.get_ylim())
    if len(rows) <= _MOST_NAMED:
        x, y, names = (list(rows[name]) for name in ("shared", "score", "name"))
        label_points(axis, x, y, names, (width, _HEIGHT), _NAMES)
        for text, number in zip(axis.texts, rows["colour"], strict=True):
            text.set_color(COLOURS[number] if rows["group"].any() else "black")
            text.set_path_effects([withStroke(linewidth=1.2, foreground="white")])  # bars may cross it
    axis.locator_params(axis="x", nbins=5)
    axis.set_xlabel("shared tokens (%)")
    axis.set_ylabel(f"{metric_name(str(rows['metric'].iloc[0]))} (%)")
    rhos = [f"{rho:.2f} {target}".rstrip() for target, rho in correlate_overlap(rows).items()]
    title = f"{task_name(str(rows['task'].iloc[0]))} from {rows['source'].iloc[0]}"
    axis.set_title(fit_title(f"{title}\nrho {', '.join(rhos)}" if rhos else title, width))


def _find(material: Material) -> Iterator[Drawing]:
    """Yield a drawing for each study and source whose overlaps are known."""
    points = _drawable(overlap_points(material.frame, material.metric))
    several = points["study"].nunique() > 1
    for where, rows in by_setting(points, PLACE):
        yield Drawing(
            slug(" ".join(["overlap", where["source"], *[where["study"]] * several])),
            f"Transfer against shared word-pieces: from {where['source']}",
            partial(_caption, rows, where),
            partial(_plot, rows),
        )


def _caption(rows: pd.DataFrame, where: Mapping[str, str]) -> str:
    models, targets = rows["model"].nunique(), rows["target"].nunique()
    rhos = [correlate_overlap(part) for _, part in rows.groupby("task", sort=False)]
    each = f"a target of one of {models} models" if models > 1 else f"a target of {rows['model'].iloc[0]}"
    text = (
        f"Zero-shot scores on {count(targets, 'target')} against shared tokens: of the word-pieces of a "
        f"target's test text, repetitions counted, the percentage that the training text in "
        f"{where['source']} has too. Each point is {each}, mean over seeds; "
        f"{seeds_words(rows['n_seeds'], 'bars')}"
    )
    if rows["shared_low"].notna().any():
        text += ", level ones of shared tokens where each seed has an encoder of its own"
    if any(rhos):
        over = (
            "over models, for each target" if any(key for rho in rhos for key in rho) else "over all points"
        )
        text += f". rho is Spearman's {over}"
    return f"{text}."


OVERLAP = Figure(
    "overlap",
    shows="zero-shot scores against the word-pieces that a target shares with the source",
    needs=_NEEDS,
    find=_find,
)
