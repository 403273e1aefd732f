"""Zero-shot scores against overlap: whether a target of whose text more is cut as the source's is gains more.

References: Pires, Schlinger, Garrette (2019), "How Multilingual is Multilingual BERT?", section 4.1, over
languages; Wu, Conneau, Li, Zettlemoyer, Stoyanov (2020), "Emerging Cross-lingual Structure in Pretrained
Language Models", Table 1, over encoders that were pretrained with more and fewer anchor points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure as MplFigure
from matplotlib.patheffects import withStroke

from layerlab.analysis.transfer.overlap import PLACE, correlate_overlap, mean_points, overlap_points
from layerlab.errors import RecordsError
from layerlab.names import metric_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material, by_setting, only_setting
from layerlab.report.style.axes import fit_title, put_legend
from layerlab.report.style.captions import count, spread
from layerlab.report.style.labels import label_points
from layerlab.report.style.style import COLOURS, COLUMN_WIDTH, FULL_WIDTH, MARKERS, figure_style
from layerlab.report.style.wording import slug

_FEWEST: Final = 3  # points of a panel
_MOST_NAMED: Final = 40  # points of a panel; the names of more cover one another
_MOST_LETTERS: Final = 75  # of a panel's names, for three panels side by side
_LONG: Final = 45  # letters of all names from which a legend is plainer, where colours are enough
_HEIGHT, _FRAME = 2.0, 0.8  # inches: a panel, and what is above and below it
_NAMES: Final = 6.5  # points, size of the text
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
    """Keep the tasks that have enough models and targets."""
    pairs = points.assign(pair=points["model"] + "\n" + points["target"]).groupby([*PLACE, "task"])["pair"]
    return points[pairs.transform("nunique") >= _FEWEST]


@dataclass(frozen=True)
class _Look:
    """How points look.

    Attributes:
        coloured: The column that their colours and markers stand for; ``study`` if all look alike.
        named: The column that has the names beside them; empty if there are none.
        groups: What is in the first column, in the order of colours.
    """

    coloured: str
    named: str
    groups: tuple[str, ...]

    @classmethod
    def of(cls, points: pd.DataFrame) -> _Look:
        """Colour points by models or targets, of which there are fewer, and name them after the others.

        Where there is one model or one target, a few others with long names are told by their colours.
        """
        n_models, n_targets = points["model"].nunique(), points["target"].nunique()
        coloured, named = ("target", "model") if n_targets <= n_models else ("model", "target")
        if not 1 < min(n_models, n_targets) <= len(COLOURS):
            coloured = "study"
        names = set(points[named])
        if min(n_models, n_targets) == 1 and len(names) <= len(COLOURS) and sum(map(len, names)) > _LONG:
            coloured, named = named, ""
        return cls(coloured, named, tuple(dict.fromkeys(points[coloured])))


def _plot(points: pd.DataFrame) -> MplFigure:
    look, tasks = _Look.of(points), list(dict.fromkeys(points["task"]))
    columns = _columns(points, look)
    lines = -(-len(tasks) // columns)
    width = COLUMN_WIDTH if columns == 1 else FULL_WIDTH
    with figure_style():
        figure = MplFigure(figsize=(width, (_HEIGHT + _FRAME) * lines), layout="constrained")
        axes = list(figure.subplots(lines, columns, squeeze=False).ravel())
        for axis in axes[len(tasks) :]:
            axis.set_axis_off()
        for axis, task in zip(axes, tasks, strict=False):
            _draw(axis, points[points["task"] == task], look, (width - 0.1) / columns - 0.55)
        put_legend(figure, axes[: len(tasks)])
    return figure


def _columns(points: pd.DataFrame, look: _Look) -> int:
    """Choose how many panels stand side by side: fewer where many or long names need room."""
    n_tasks = points["task"].nunique()
    if n_tasks < 3 or n_tasks == 4:
        return min(n_tasks, 2)
    if not look.named:
        return 3
    names = mean_points(points).groupby("task")[look.named]
    return 3 if max(sum(map(len, some)) for _, some in names) <= _MOST_LETTERS else 2


def _draw(axis: Axes, rows: pd.DataFrame, look: _Look, width: float) -> None:
    """Draw the points of one task in a panel of a width in inches, with their seeds and names."""
    rows = rows.assign(shared=100 * rows["shared"], score=100 * rows["score"])
    means = mean_points(rows)
    for group, colour, marker in zip(look.groups, COLOURS, MARKERS, strict=False):
        part = means[means[look.coloured] == group]
        seeds = rows.merge(part, on=["model", "target"], suffixes=("", "_mean"))
        ends = seeds[["shared_mean", "score_mean", "shared", "score"]].to_numpy(dtype=float)
        axis.add_collection(LineCollection(list(ends.reshape(-1, 2, 2)), colors=colour, lw=0.5, alpha=0.6))
        label = "" if look.coloured == "study" else group
        shape: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": "none", "mew": 0}
        axis.plot(seeds["shared"], seeds["score"], ms=2.2, **shape)
        axis.plot(part["shared"], part["score"], ms=4.2, label=label, **shape)
    axis.margins(0.12)
    axis.set_xlim(axis.get_xlim())
    axis.set_ylim(axis.get_ylim())
    if look.named and len(means) <= _MOST_NAMED:
        _name(axis, means, rows, look, width)
    axis.locator_params(axis="x", nbins=5)
    axis.set_xlabel("shared tokens (%)")
    axis.set_ylabel(f"{metric_name(str(rows['metric'].iloc[0]))} (%)")
    rhos = [f"{rho:.2f} {target}".rstrip() for target, rho in correlate_overlap(means).items()]
    title = f"{task_name(str(rows['task'].iloc[0]))} from {rows['source'].iloc[0]}"
    axis.set_title(fit_title(f"{title}\nrho {', '.join(rhos)}" if rhos else title, width))


def _name(axis: Axes, means: pd.DataFrame, rows: pd.DataFrame, look: _Look, width: float) -> None:
    """Write names beside means, in their colours, so that they cover neither these nor the rows' seeds."""
    x, y, names = (list(means[name]) for name in ("shared", "score", look.named))
    seeds = list(zip(rows["shared"], rows["score"], strict=True))
    label_points(axis, x, y, names, (width, _HEIGHT), _NAMES, seeds)
    for text, group in zip(axis.texts, means[look.coloured], strict=True):
        if look.coloured != "study":
            text.set_color(COLOURS[look.groups.index(group)])
        text.set_path_effects([withStroke(linewidth=1.2, foreground="white")])  # lines to seeds may cross it


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
    means = mean_points(rows)
    models, targets = (list(dict.fromkeys(means[name])) for name in ("model", "target"))
    n_seeds = means["n_seeds"]
    each = f"one of {len(models)} models" if len(models) > 1 else models[0]
    each = f"a target of {each}" if len(targets) > 1 else each
    on = count(len(targets), "target") if len(targets) > 1 else targets[0]
    text = (
        f"Zero-shot scores on {on} against shared tokens: of the word-pieces of a target's test text, "
        f"repetitions counted, the percentage that the training text in {where['source']} has too. "
        f"Each point is {each}; n = {spread(n_seeds)} seed{'s' * bool((n_seeds > 1).any())}"
    )
    if (n_seeds > 1).any():
        text += ", of which points are means; lines lead to the seeds"
    rhos = [correlate_overlap(part) for _, part in means.groupby("task", sort=False)]
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
