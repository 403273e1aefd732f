"""Transfer gap against similarity: whether languages that are aligned better with the source lose less.

Reference: Muller, Elazar, Sagot, Seddah (2021), "First Align, then Predict", section 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.limits import CEILING
from layerlab.analysis.effects.sensitivity import t_interval, transfer_gap
from layerlab.analysis.records.tidy import BASELINE
from layerlab.analysis.transfer.correlation import correlate
from layerlab.errors import RecordsError, unknown
from layerlab.names import PRETRAINED, measure_name, metric_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material, by_setting, only_setting
from layerlab.report.figures.layers.layer_curves import (
    PLACE,
    between_languages,
    condition_styles,
    measure_rows,
)
from layerlab.report.style.axes import draw_zero, label_depth, put_legend
from layerlab.report.style.captions import about, count, seeds_words, sentences_words
from layerlab.report.style.labels import label_points
from layerlab.report.style.style import COLUMN_WIDTH, SOURCE_COLOUR, figure_style
from layerlab.report.style.units import IN_POINTS, Unit, unit_named
from layerlab.targets import is_own, language_of

_FEWEST = 3  # languages that have an order
_HEIGHTS = (2.05, 1.25)  # inches


def gaps_by_target(runs: pd.DataFrame, unit: Unit) -> pd.DataFrame:
    """Average the gaps of runs: by target ``gap``, its t interval ``low`` to ``high``, ``n_seeds``."""
    found = {}
    for target, part in runs.groupby("target", sort=True):
        values = [unit.factor * float(gap) for gap in part["gap"]]
        found[str(target)] = (float(np.mean(values)), *t_interval(values), len(values))
    return pd.DataFrame.from_dict(found, orient="index", columns=["gap", "low", "high", "n_seeds"])


def gaps_of_place(gaps: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the gaps without ablation of the one model, task and source that rows are of."""
    here = (gaps[list(PLACE)] == rows[list(PLACE)].iloc[0]).all(axis=1)
    return gaps[(gaps["ablation"] == BASELINE) & here]


def draw_gaps(
    axis: Axes, x: pd.Series[float], gaps: pd.DataFrame, size: tuple[float, float], margin: float
) -> None:
    """Draw the gap of each target with its interval, and its name where there is room.

    Args:
        axis: Of the size, in inches.
        x: What the gaps are drawn against, by target.
        gaps: What ``gaps_by_target`` gives, of the same targets.
        size: Width and height, in inches.
        margin: Room around the targets, as a fraction.
    """
    axis.vlines(x, gaps["low"], gaps["high"], color=SOURCE_COLOUR, lw=0.6, alpha=0.6)
    axis.plot(x, gaps["gap"], color=SOURCE_COLOUR, marker="o", ms=3.2, linestyle="none")
    axis.margins(margin)
    axis.set_xlim(axis.get_xlim())
    axis.set_ylim(axis.get_ylim())
    label_points(axis, list(x), list(gaps["gap"]), list(map(str, gaps.index)), size)


@dataclass(frozen=True)
class GapAgainstSimilarity:
    """What the figure shows of one model, task and source without ablation, computed when it is asked for.

    Attributes:
        measure: The measure of similarity.
        runs: The gap of every run and target.
        levels: The similarity of the same targets, mean over seeds, by layer and by ``measure``: of the
            fine-tuned encoder and, where it was measured, of the pretrained one.
        wanted: The layer to show; None for that of the strongest correlation.
        unit: Of the gap.
    """

    measure: str
    runs: pd.DataFrame
    levels: pd.DataFrame
    wanted: int | None = None
    unit: Unit = IN_POINTS

    @property
    def lacking(self) -> str:
        """What there is too little of for a correlation; empty if nothing."""
        n_targets = self.runs["target"].nunique()
        if n_targets < _FEWEST:
            return (
                f"a correlation over languages needs {_FEWEST} targets with a score, a score on the source "
                f"and {self.measure}; the records have {n_targets}"
            )
        if not (self.levels["measure"] == self.measure).any():
            return f"{self.measure} was measured on the pretrained encoder alone, not after fine-tuning"
        return ""

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """By target: ``gap`` in its unit, its interval ``low`` to ``high`` over seeds, ``n_seeds``."""
        return gaps_by_target(self.runs, self.unit)

    @cached_property
    def similarity(self) -> pd.DataFrame:
        """Similarity by target and layer, of the fine-tuned encoder."""
        own = self.levels[self.levels["measure"] == self.measure]
        return own.pivot(index="target", columns="layer", values="value")

    @cached_property
    def rho(self) -> pd.DataFrame:
        """What ``layerlab.analysis.transfer.correlation.correlate`` gives, of both measures."""
        return correlate(self.runs, self.levels)

    @cached_property
    def layer(self) -> int:
        """The layer whose similarity is shown.

        Raises:
            RecordsError: The one that is wanted is not there.
        """
        own = self.rho[self.rho["measure"] == self.measure].set_index("layer")
        if self.wanted is None:
            strength = np.abs(own["rho"].to_numpy(dtype="float64"))
            return int(own.index[-1 if np.isnan(strength).all() else int(np.nanargmax(strength))])
        if self.wanted not in own.index:
            raise RecordsError(unknown("layer", str(self.wanted), map(str, own.index)))
        return self.wanted


def gap_against_similarity(
    frame: pd.DataFrame, measure: str = "cka", *, layer: int | None = None, metric: str | None = None
) -> GapAgainstSimilarity:
    """Bring each target's transfer gap without ablation and its similarity by layer together.

    Args:
        frame: Tidy records of one model, task and source.
        measure: A measure of source and target.
        layer: The layer to show, by layers passed; None for that of the strongest correlation.
        metric: The metric of scores; None for the task's own.

    Raises:
        RecordsError: No such measure, several settings, or fewer than three targets with both.
    """
    rows = _without_ablation(measure_rows(frame))
    known = set(rows["measure"])
    if measure not in known:
        raise RecordsError(unknown("measure", measure, known))
    rows = rows[rows["measure"] == measure]
    only_setting(rows, "a figure of the gap", PLACE)
    shown = _together(transfer_gap(frame, metric), rows, layer)
    if shown.lacking:
        raise RecordsError(shown.lacking)
    return shown


def _without_ablation(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep what was measured of source and target without ablation."""
    own = [is_own(target, source) for target, source in zip(rows["target"], rows["source"], strict=True)]
    return rows[(rows["ablation"] == BASELINE) & ~np.array(own, dtype=bool)]


def _together(gaps: pd.DataFrame, rows: pd.DataFrame, layer: int | None = None) -> GapAgainstSimilarity:
    """Bring gaps and the rows of one measure of one place together, on the targets that have both.

    A target that is one treebank of a language, which was measured by itself, has that one's similarity.
    """
    gaps = gaps_of_place(gaps, rows)
    measure, measured = str(rows["measure"].iloc[0]), set(rows["target"])
    lacking = [name for name in sorted(set(gaps["target"]) - measured) if language_of(name) in measured]
    rows = pd.concat(
        [rows, *(rows[rows["target"] == language_of(name)].assign(target=name) for name in lacking)]
    )
    gaps = gaps[gaps["target"].isin(rows["target"])]
    rows = rows[rows["target"].isin(gaps["target"])]
    key = ["model", "source", "target", "layer", "metric"]
    levels = rows.groupby(key, sort=True)["value"].mean().reset_index().rename(columns={"metric": "measure"})
    return GapAgainstSimilarity(measure, gaps, levels, layer)


def plot_gap(
    frame: pd.DataFrame, measure: str = "cka", *, layer: int | None = None, metric: str | None = None
) -> MplFigure:
    """Draw the transfer gap of every target against its similarity with the source at one layer.

    Below is Spearman's correlation of both at every layer, with 95% bootstrap intervals over languages. Takes
    the arguments of ``gap_against_similarity`` and raises what it raises, or that there is no such layer.
    """
    return _plot(gap_against_similarity(frame, measure, layer=layer, metric=metric))


def _plot(shown: GapAgainstSimilarity) -> MplFigure:
    row = shown.rho.iloc[0]
    with figure_style():
        figure = MplFigure(figsize=(COLUMN_WIDTH, sum(_HEIGHTS) + 0.95), layout="constrained")
        scatter, curve = figure.subplots(2, 1, height_ratios=_HEIGHTS)
        x = shown.similarity[shown.layer].reindex(shown.gaps.index)
        draw_gaps(scatter, x, shown.gaps, (COLUMN_WIDTH - 0.55, _HEIGHTS[0]), margin=0.1)
        scatter.set_title(f"{task_name(str(row['task']))} from {row['source']}")
        scatter.set_ylabel(f"gap ({metric_name(str(row['metric']))}, {shown.unit.words})")
        scatter.set_xlabel(f"{measure_name(shown.measure)} after {count(shown.layer, 'layer')}")
        _draw_rho(curve, shown)
        put_legend(figure, [curve])
    return figure


def _find(material: Material) -> Iterator[Drawing]:
    """Yield gap against similarity of every model, task and source with three targets or more.

    CKA is taken where it was measured, else the first measure of source and target.
    """
    rows = _without_ablation(between_languages(material.frame))
    if rows.empty or material.scores.empty:
        return
    gaps, unit = (
        transfer_gap(material.frame, material.metric, scale=material.scale),
        unit_named(material.scale),
    )
    for where, part in by_setting(rows, PLACE):
        measure = "cka" if (part["measure"] == "cka").any() else str(part["measure"].iloc[0])
        shown = replace(_together(gaps, part[part["measure"] == measure]), unit=unit)
        if not shown.lacking:
            yield Drawing(
                material.stem("gap", where, measure, scaled=True),
                f"Transfer gap against similarity: {about(where)}",
                partial(_caption, shown, where["source"], part),
                partial(_plot, shown),
            )


def _caption(shown: GapAgainstSimilarity, source: str, rows: pd.DataFrame) -> str:
    best = shown.rho[(shown.rho["measure"] == shown.measure) & (shown.rho["layer"] == shown.layer)].iloc[0]
    bands = "with 95% bootstrap intervals over languages (a band; dotted for the pretrained encoder)"
    if shown.rho["low"].isna().all():
        bands = "without intervals, as the languages are too few to resample"
    return (
        f"Above: the transfer gap ({shown.unit.gap} on {source} minus that on the target) of "
        f"{count(len(shown.gaps), 'language')} against {measure_name(shown.measure)} with {source} in "
        f"the fine-tuned encoder after {count(shown.layer, 'layer')}, the level at which they correlate "
        f"most, chosen after looking (Spearman's rho {best['rho']:.2f}, p = {best['p']:.3f} for a level "
        "chosen before)"
        f"{sentences_words(rows)}; {seeds_words(shown.gaps['n_seeds'], 'bars')}. Below: rho at every "
        f"level, {bands}.{_ceiling(shown, source)}"
    )


def _ceiling(shown: GapAgainstSimilarity, source: str) -> str:
    """Warn where the source is so near its ceiling that gaps in points say little of it."""
    score = float(shown.runs["source_value"].mean())
    if shown.unit != IN_POINTS or score <= CEILING:
        return ""
    return f" {source} is near its ceiling ({100 * score:.1f}): in points, gaps are those of the targets."


GAP = Figure(
    "gap",
    shows="transfer gap against similarity over languages, and their correlation by layer",
    needs="measures of source and target, and scores on the source and three or more targets",
    find=_find,
)


def _draw_rho(axis: Axes, shown: GapAgainstSimilarity) -> None:
    styles = condition_styles(["pretrained", "fine-tuned"])
    draw_zero(axis)
    axis.axvline(shown.layer, color=SOURCE_COLOUR, lw=0.6, zorder=0)
    for name, label in ((f"{shown.measure}{PRETRAINED}", "pretrained"), (shown.measure, "fine-tuned")):
        one = shown.rho[shown.rho["measure"] == name].sort_values("layer")
        if len(one):
            layers = one["layer"].astype("int64")
            axis.plot(layers, one["rho"], label=label, ms=2.6, **styles[label])
            colour = styles[label]["color"]
            if label == "fine-tuned":
                axis.fill_between(layers, one["low"], one["high"], color=colour, alpha=0.15, lw=0)
            else:  # two bands would hide one another
                for end in ("low", "high"):
                    axis.plot(layers, one[end], color=colour, lw=0.7, linestyle=(0, (1, 1.2)))
    axis.set_ylim(-1.05, 1.05)
    axis.set_ylabel("Spearman's rho")
    label_depth(axis, int(shown.rho["layer"].max()))
