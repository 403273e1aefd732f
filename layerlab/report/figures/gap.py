"""Transfer gap against similarity: whether languages that are aligned better with the source lose less.

Reference: Muller, Elazar, Sagot, Seddah (2021), "First Align, then Predict", section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.correlation import correlate
from layerlab.analysis.records import BASELINE
from layerlab.analysis.sensitivity import t_interval, transfer_gap
from layerlab.errors import RecordsError, unknown
from layerlab.names import PRETRAINED, measure_name, metric_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material
from layerlab.report.figures.layer_curves import (
    PLACE,
    between_languages,
    condition_styles,
    measure_rows,
    only_place,
    places_of,
)
from layerlab.report.style.axes import label_depth, put_legend
from layerlab.report.style.captions import about, count, seeds_words, sentences_words
from layerlab.report.style.labels import label_points
from layerlab.report.style.style import COLUMN_WIDTH, SOURCE_COLOUR, figure_style
from layerlab.targets import language_of

_FEWEST = 3  # languages that have an order
_HEIGHTS = (2.05, 1.25)  # inches


@dataclass(frozen=True)
class GapAgainstSimilarity:
    """What the figure shows.

    Attributes:
        measure: The measure of similarity.
        gaps: By target: ``gap`` in points, its interval ``low`` to ``high`` over seeds, ``n_seeds``.
        similarity: Mean over seeds by target and layer, of the fine-tuned encoder.
        rho: What ``layerlab.analysis.correlation.correlate`` gives, of the measure and, where it was measured
            on the pretrained encoder, of that.
        layer: The layer whose similarity is shown.
    """

    measure: str
    gaps: pd.DataFrame
    similarity: pd.DataFrame
    rho: pd.DataFrame
    layer: int


def gap_against_similarity(
    frame: pd.DataFrame, measure: str = "cka", *, layer: int | None = None, metric: str | None = None
) -> GapAgainstSimilarity:
    """Compute each target's transfer gap without ablation, its similarity by layer, and their correlation.

    Args:
        frame: Tidy records of one model, task and source.
        measure: A measure of source and target.
        layer: The layer to show, by layers passed; None for that of the strongest correlation.
        metric: The metric of scores; None for the task's own.

    Raises:
        RecordsError: No such measure or layer, several settings, or fewer than three targets with both.
    """
    rows = _without_ablation(measure_rows(frame))
    known = set(rows["measure"])
    if measure not in known:
        raise RecordsError(unknown("measure", measure, known))
    rows = rows[rows["measure"] == measure]
    only_place(rows, "a figure of the gap")
    pairs = _pairs(transfer_gap(frame, metric), rows)
    if pairs.lacking:
        raise RecordsError(pairs.lacking)
    return _correlated(pairs, layer)


@dataclass(frozen=True)
class _Pairs:
    """The gap of every run without ablation, and the similarity of the same targets by layer."""

    measure: str
    gaps: pd.DataFrame
    similarity: pd.DataFrame

    @property
    def lacking(self) -> str:
        """What they lack for a correlation; empty if nothing."""
        n_targets = self.gaps["target"].nunique()
        if n_targets < _FEWEST:
            return (
                f"a correlation over languages needs {_FEWEST} targets with a score, a score on the source "
                f"and {self.measure}; the records have {n_targets}"
            )
        if not (self.similarity["measure"] == self.measure).any():
            return f"{self.measure} was measured on the pretrained encoder alone, not after fine-tuning"
        return ""


def _without_ablation(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep what was measured of source and target without ablation."""
    return rows[(rows["ablation"] == BASELINE) & (rows["target"] != rows["source"])]


def _pairs(gaps: pd.DataFrame, rows: pd.DataFrame) -> _Pairs:
    """Bring gaps and the rows of one measure of one place together."""
    gaps = gaps[gaps["ablation"] == BASELINE]
    for name in PLACE:
        gaps = gaps[gaps[name] == rows[name].iloc[0]]
    rows = _with_treebanks(rows, set(gaps["target"]))
    gaps = gaps[gaps["target"].isin(rows["target"])]
    rows = rows[rows["target"].isin(gaps["target"])]
    key = ["model", "source", "target", "layer", "metric"]
    similarity = rows.groupby(key, sort=True)["value"].mean().reset_index()
    return _Pairs(str(rows["measure"].iloc[0]), gaps, similarity.rename(columns={"metric": "measure"}))


def _correlated(pairs: _Pairs, layer: int | None = None) -> GapAgainstSimilarity:
    """Correlate at every layer; show the one given, or the one where they correlate most."""
    rho = correlate(pairs.gaps, pairs.similarity)
    own = rho[rho["measure"] == pairs.measure].set_index("layer")
    if layer is None:
        strength = np.abs(own["rho"].to_numpy(dtype="float64"))
        best = -1 if np.isnan(strength).all() else int(np.nanargmax(strength))
        layer = int(own.index[best])
    if layer not in own.index:
        raise RecordsError(unknown("layer", str(layer), map(str, own.index)))
    similarity = pairs.similarity[pairs.similarity["measure"] == pairs.measure]
    table = similarity.pivot(index="target", columns="layer", values="value")
    return GapAgainstSimilarity(pairs.measure, _mean_gaps(pairs.gaps), table, rho, layer)


def plot_gap(
    frame: pd.DataFrame, measure: str = "cka", *, layer: int | None = None, metric: str | None = None
) -> MplFigure:
    """Draw the transfer gap of every target against its similarity with the source at one layer.

    Below is Spearman's correlation of both at every layer, with 95% bootstrap intervals over languages. Takes
    the arguments of ``gap_against_similarity`` and raises what it raises.
    """
    return _plot(gap_against_similarity(frame, measure, layer=layer, metric=metric))


def _plot(shown: GapAgainstSimilarity) -> MplFigure:
    row = shown.rho.iloc[0]
    with figure_style():
        figure = MplFigure(figsize=(COLUMN_WIDTH, sum(_HEIGHTS) + 0.95), layout="constrained")
        scatter, curve = figure.subplots(2, 1, height_ratios=_HEIGHTS)
        _draw_scatter(scatter, shown)
        scatter.set_title(f"{task_name(str(row['task']))} from {row['source']}")
        scatter.set_ylabel(f"gap ({metric_name(str(row['metric']))}, points)")
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
    gaps = transfer_gap(material.frame, material.metric)
    for where, part in places_of(rows):
        measure = "cka" if (part["measure"] == "cka").any() else str(part["measure"].iloc[0])
        pairs = _pairs(gaps, part[part["measure"] == measure])
        if not pairs.lacking:
            shown = cache(partial(_correlated, pairs))
            yield Drawing(
                material.stem("gap", where, measure),
                f"Transfer gap against similarity: {about(where)}",
                partial(_caption, shown, where["source"], part),
                partial(_draw, shown),
            )


def _draw(compute: Callable[[], GapAgainstSimilarity]) -> MplFigure:
    return _plot(compute())


def _caption(compute: Callable[[], GapAgainstSimilarity], source: str, rows: pd.DataFrame) -> str:
    shown = compute()
    best = shown.rho[(shown.rho["measure"] == shown.measure) & (shown.rho["layer"] == shown.layer)].iloc[0]
    return (
        f"Above: the transfer gap (score on {source} minus score on the target) of "
        f"{count(len(shown.gaps), 'language')} against {measure_name(shown.measure)} with {source} in "
        f"the fine-tuned encoder after {count(shown.layer, 'layer')}, the level at which they correlate "
        f"most, chosen after looking (Spearman's rho {best['rho']:.2f}, p = {best['p']:.3f} for a level "
        "chosen before)"
        f"{sentences_words(rows)}; {seeds_words(shown.gaps['n_seeds'], 'bars')}. Below: rho at every "
        f"level, {_interval_words(shown)}."
    )


GAP = Figure(
    "gap",
    shows="transfer gap against similarity over languages, and their correlation by layer",
    needs="measures of source and target, and scores on the source and three or more targets",
    find=_find,
)


def _interval_words(shown: GapAgainstSimilarity) -> str:
    if shown.rho["low"].isna().all():
        return "without intervals, as the languages are too few to resample"
    return "with 95% bootstrap intervals over languages (a band; dotted for the pretrained encoder)"


def _with_treebanks(rows: pd.DataFrame, targets: set[str]) -> pd.DataFrame:
    """Give targets that are one treebank of a language, which was measured by itself, its similarity."""
    measured = set(rows["target"])
    lacking = sorted(target for target in targets - measured if language_of(target) in measured)
    copies = [rows[rows["target"] == language_of(target)].assign(target=target) for target in lacking]
    return pd.concat([rows, *copies]) if copies else rows


def _mean_gaps(gaps: pd.DataFrame) -> pd.DataFrame:
    found = {}
    for target, part in gaps.groupby("target", sort=True):
        values = [100 * float(gap) for gap in part["gap"]]
        found[str(target)] = (float(np.mean(values)), *t_interval(values), len(values))
    return pd.DataFrame.from_dict(found, orient="index", columns=["gap", "low", "high", "n_seeds"])


def _draw_scatter(axis: Axes, shown: GapAgainstSimilarity) -> None:
    gaps = shown.gaps
    x = shown.similarity[shown.layer].reindex(gaps.index)
    axis.vlines(x, gaps["low"], gaps["high"], color=SOURCE_COLOUR, lw=0.6, alpha=0.6)
    axis.plot(x, gaps["gap"], color=SOURCE_COLOUR, marker="o", ms=3.2, linestyle="none")
    axis.margins(0.1)
    axis.set_xlim(axis.get_xlim())
    axis.set_ylim(axis.get_ylim())
    label_points(axis, list(x), list(gaps["gap"]), list(gaps.index), (COLUMN_WIDTH - 0.55, _HEIGHTS[0]))


def _draw_rho(axis: Axes, shown: GapAgainstSimilarity) -> None:
    styles = condition_styles(["pretrained", "fine-tuned"])
    axis.axhline(0, color="0.6", lw=0.6, zorder=0)
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
