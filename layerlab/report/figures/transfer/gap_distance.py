"""Transfer gap against distances between languages, such as typological ones, beside that against similarity.

Reference: Lauscher, Ravishankar, Vulić, Glavaš (2020), "From Zero to Hero: On the Limitations of Zero-Shot
Language Transfer with Multilingual Transformers", who correlate transfer with distances of lang2vec.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.sensitivity import transfer_gap
from layerlab.analysis.transfer.correlation import correlate
from layerlab.analysis.transfer.distance import distance_rows
from layerlab.errors import RecordsError
from layerlab.names import metric_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material, by_setting, only_setting
from layerlab.report.figures.layers.layer_curves import PLACE
from layerlab.report.figures.transfer.gap import draw_gaps, gaps_by_target, gaps_of_place
from layerlab.report.style.captions import about, count, seeds_words
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH, figure_style
from layerlab.report.style.units import IN_POINTS

_FEWEST = 3  # languages that have an order
_MOST_PANELS = 6
_HEIGHT = 2.0  # inches of a panel


@dataclass(frozen=True)
class GapAgainstDistance:
    """Gaps of one model, task and source without ablation, and distances of the same targets.

    Attributes:
        runs: The gap of every run and target.
        distances: By ``target`` and ``measure``, the kind of distance: ``value``.
    """

    runs: pd.DataFrame
    distances: pd.DataFrame

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """By target: ``gap`` in points, its interval ``low`` to ``high`` over seeds, ``n_seeds``."""
        return gaps_by_target(self.runs, IN_POINTS)

    @cached_property
    def rho(self) -> pd.DataFrame:
        """What ``layerlab.analysis.transfer.correlation.correlate`` gives, by kind of distance."""
        return correlate(self.runs, self.distances).set_index("measure")

    @property
    def kinds(self) -> list[str]:
        """Kinds of distance that enough targets have, in the order of the table."""
        sizes = self.distances.groupby("measure", sort=False)["target"].nunique()
        return [str(kind) for kind, size in sizes.items() if size >= _FEWEST]


def gap_against_distance(frame: pd.DataFrame, metric: str | None = None) -> GapAgainstDistance:
    """Bring each target's transfer gap without ablation and its distances from the source together.

    Args:
        frame: Tidy records of one model, task and source, with distances.
        metric: The metric of scores; None for the task's own.

    Raises:
        RecordsError: No distances, several settings, or fewer than three targets with both.
    """
    rows = distance_rows(frame)
    if rows.empty:
        raise RecordsError(
            "these records have no distances: the study needs nodes: {distances: {table: FILE}}"
        )
    only_setting(rows, "a figure of the gap", PLACE)
    shown = _together(transfer_gap(frame, metric), rows)
    if not shown.kinds:
        raise RecordsError(
            f"a correlation over languages needs {_FEWEST} targets with a score, a score on the source and a "
            f"distance; the records have {shown.runs['target'].nunique()}"
        )
    return shown


def plot_gap_distance(frame: pd.DataFrame, metric: str | None = None) -> MplFigure:
    """Draw the transfer gap of every target against its distances from the source, a panel for each kind.

    Takes the arguments of ``gap_against_distance`` and raises what it raises.
    """
    return _plot(gap_against_distance(frame, metric))


def _together(gaps: pd.DataFrame, rows: pd.DataFrame) -> GapAgainstDistance:
    """Bring gaps and distances of one place together, on the targets that have both."""
    gaps = gaps_of_place(gaps, rows)
    gaps = gaps[gaps["target"].isin(rows["target"])]
    return GapAgainstDistance(gaps, rows[rows["target"].isin(gaps["target"])])


def _plot(shown: GapAgainstDistance) -> MplFigure:
    kinds = shown.kinds[:_MOST_PANELS]
    row = shown.rho.iloc[0]
    columns = 2 if len(kinds) == 4 else min(len(kinds), 3)
    lines = -(-len(kinds) // columns)
    width = COLUMN_WIDTH if columns == 1 else FULL_WIDTH
    with figure_style():
        figure = MplFigure(figsize=(width, 0.35 + (_HEIGHT + 0.45) * lines), layout="constrained")
        axes = figure.subplots(lines, columns, sharey=True, squeeze=False).ravel()
        for axis in axes[len(kinds) :]:
            axis.set_axis_off()
        for index, (axis, kind) in enumerate(zip(axes, kinds, strict=False)):
            _draw(axis, shown, kind, (width - 0.55) / columns - 0.1)
            if index % columns == 0:
                axis.set_ylabel(f"gap ({metric_name(str(row['metric']))}, points)")
        figure.suptitle(f"{task_name(str(row['task']))} from {row['source']}", fontsize=8)
    return figure


def _draw(axis: Axes, shown: GapAgainstDistance, kind: str, width: float) -> None:
    one = shown.distances[shown.distances["measure"] == kind].set_index("target")["value"]
    gaps = shown.gaps.loc[[name for name in shown.gaps.index if name in one.index]]
    draw_gaps(axis, one.reindex(gaps.index), gaps, (width, _HEIGHT), margin=0.12)
    axis.set_xlabel(f"{kind.replace('_', ' ')} distance")
    rho, low, high = (float(shown.rho[name].loc[kind]) for name in ("rho", "low", "high"))
    interval = "" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    axis.set_title("all alike" if math.isnan(rho) else f"rho {rho:.2f}{interval}")


def _find(material: Material) -> Iterator[Drawing]:
    """Yield gap against distances of every model, task and source with three targets or more."""
    rows = distance_rows(material.frame)
    if rows.empty or material.scores.empty:
        return
    gaps = transfer_gap(material.frame, material.metric)
    for where, part in by_setting(rows, PLACE):
        shown = _together(gaps, part)
        if shown.kinds:
            yield Drawing(
                material.stem("distance", where),
                f"Transfer gap against distance: {about(where)}",
                partial(_caption, shown, where["source"]),
                partial(_plot, shown),
            )


def _caption(shown: GapAgainstDistance, source: str) -> str:
    left = len(shown.kinds) - _MOST_PANELS
    rest = f" {count(left, 'kind')} more are in the table." if left > 0 else ""
    return (
        f"The transfer gap (score on {source} minus score on the target) of "
        f"{count(len(shown.gaps), 'language')} against their distance from {source}; "
        f"{seeds_words(shown.gaps['n_seeds'], 'bars')}. Above each panel Spearman's rho over languages, in "
        f"brackets its 95% bootstrap interval over languages.{rest}"
    )


GAP_DISTANCE = Figure(
    "distance",
    shows="transfer gap against distances between languages",
    needs="distances (nodes: {distances: {table: FILE}}), and scores on the source and three or more targets",
    find=_find,
)
