"""Curves over the layers: how alike languages are, by CKA or retrieval.

Functions take records of ``layerlab.measures.bitext_alignment`` and return a matplotlib ``Figure`` at the
width of an ACL column, or of the page for several models. Values are fractions, as in the papers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.records.measured import upgrade_alignment
from layerlab.errors import RecordsError, unknown
from layerlab.names import DIRECTIONS, MEASURED, measure_name
from layerlab.report.figures.figure import Drawing, Figure, Material, by_page
from layerlab.report.figures.layers.layer_curves import draw_chance
from layerlab.report.style.axes import draw_zero, label_depth, panel_grid, put_legend
from layerlab.report.style.captions import capital, count, sentences_words
from layerlab.report.style.style import figure_style, line_style
from layerlab.report.style.wording import slug

_COLUMNS = ("model", "source", "target", "layer", "metric", "value", "n")
_MOST_MARKED = 12  # targets or layers; beyond it markers hide the lines


def plot_alignment(frame: pd.DataFrame, measure: str = "cka") -> MplFigure:
    """Draw a measure by layer: a curve for each pair, their mean in black, a panel for each model.

    The axis counts the layers passed: 0 is the output of the embeddings. For retrieval a dotted line shows
    chance.

    Args:
        frame: As ``layerlab.measures.bitext_alignment.measure_alignment`` gives it, of one or several models.
        measure: One of its measures.

    Raises:
        RecordsError: No such measure, a column that is missing, or more models than fit a page.
    """
    rows = _rows(frame, measure)
    rows = rows.assign(pair=_pair_names(rows))
    styles = {pair: line_style(index) for index, pair in enumerate(sorted(set(rows["pair"])))}
    crowded = len(styles) > _MOST_MARKED or rows["layer"].nunique() > _MOST_MARKED + 1
    models = list(dict.fromkeys(rows["model"]))
    with figure_style():
        figure, axes = panel_grid(models, measure_name(measure))
        for axis, model in zip(axes, models, strict=True):
            part = rows[rows["model"] == model]
            for pair, style in styles.items():
                one = part[part["pair"] == pair].sort_values("layer")
                look = style | {"marker": ""} if crowded else style
                axis.plot(one["layer"], one["value"], label=pair, lw=0.9, ms=2.5, **look)
            if len(styles) > 1:
                values = part.groupby("layer")["value"].mean()
                axis.plot(values.index, values, label="mean", color="black", lw=1.8, zorder=5)
            _finish(axis, part, measure)
        put_legend(figure, axes)
    return figure


def plot_models(frame: pd.DataFrame, measure: str = "cka") -> MplFigure:
    """Draw a measure by layer for several models in one panel: the mean over the pairs, and their range.

    Raises:
        RecordsError: As `plot_alignment`; or the models were measured on different pairs.
    """
    rows = _rows(frame, measure)
    pairs = {str(model): set(_pair_names(part)) for model, part in rows.groupby("model", sort=False)}
    if len({frozenset(names) for names in pairs.values()}) > 1:
        found = "; ".join(f"{model}: {', '.join(sorted(names))}" for model, names in pairs.items())
        raise RecordsError(f"a mean over the pairs needs the same pairs of every model; got {found}")
    n_pairs = len(next(iter(pairs.values())))
    with figure_style():
        title = f"mean of {n_pairs} pairs" if n_pairs > 1 else "one pair"
        figure, (axis,) = panel_grid([title], measure_name(measure))
        for index, (model, part) in enumerate(rows.groupby("model", sort=False)):
            layers, style = part.groupby("layer")["value"], line_style(index)
            mean = layers.mean()
            axis.plot(mean.index, mean, label=str(model), ms=2.8, **style)
            axis.fill_between(mean.index, layers.min(), layers.max(), color=style["color"], alpha=0.12, lw=0)
        _finish(axis, rows, measure)
        put_legend(figure, [axis])
    return figure


def _find(material: Material) -> Iterator[Drawing]:
    """Yield every measure but the single directions of retrieval, and its mean of several models."""
    measured = material.frame[material.frame["ablation"] == MEASURED]
    for measure in dict.fromkeys(map(str, measured["metric"])):
        if measure.endswith(DIRECTIONS):
            continue
        rows = measured[measured["metric"] == measure]
        words, sentences = capital(measure_name(measure)), sentences_words(rows)
        pairs = {frozenset(_pair_names(part)) for _, part in rows.groupby("model")}
        n_models, n_pairs = rows["model"].nunique(), max(map(len, pairs))
        of_pairs = f"each of {n_pairs} pairs of languages, and their mean" if n_pairs > 1 else "one pair"
        for page in by_page(rows, ["model"]):
            yield Drawing(
                f"{slug(measure)}-by-layer",
                f"Alignment by layer: {words}",
                f"{words} by layer, for {of_pairs}, in {count(page['model'].nunique(), 'model')}{sentences}.",
                partial(plot_alignment, page, measure),
            )
        if n_models > 1 and len(pairs) == 1:
            yield Drawing(
                f"{slug(measure)}-models",
                f"Alignment of {n_models} models: {words}",
                f"{words} by layer, for each of {n_models} models: the mean over "
                f"{count(n_pairs, 'pair')} of languages, and as a band their range{sentences}.",
                partial(plot_models, rows, measure),
            )


ALIGNMENT = Figure(
    "alignment",
    shows="how alike languages are by layer, in encoders measured outside of a study",
    needs="rows of 'layerlab measure'",
    find=_find,
)


def _rows(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return the records of one measure with plain numbers, whatever way they were written."""
    frame = upgrade_alignment(frame)
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing:
        raise RecordsError(f"a frame of alignment is expected; this one lacks {', '.join(missing)}")
    if frame.empty:
        raise RecordsError("there is no alignment to show: the frame has no rows")
    rows = frame.astype({"layer": "int64", "n": "int64"})[frame["metric"] == measure]
    if rows.empty:
        raise RecordsError(unknown("measure", measure, set(frame["metric"])))
    twice = rows[rows.duplicated(["model", "source", "target", "layer"])]
    if len(twice):
        first = twice.iloc[0]
        raise RecordsError(
            f"{first['model']} has {first['source']}-{first['target']} at layer {first['layer']} twice; "
            "give every model a label of its own and measure one corpus at a time"
        )
    return rows


def _pair_names(rows: pd.DataFrame) -> Sequence[str]:
    """Name each row's pair: its target, and its source where sources differ from it and each other."""
    if rows["source"].nunique() == 1 or (rows["source"] == rows["target"]).all():
        return [str(name) for name in rows["target"]]
    return [f"{a}-{b}" for a, b in zip(rows["source"], rows["target"], strict=True)]


def _finish(axis: Axes, rows: pd.DataFrame, measure: str) -> None:
    """Add chance or zero, and the labels of the layers."""
    if not draw_chance(axis, rows, measure):
        draw_zero(axis)
    label_depth(axis, int(rows["layer"].max()), "layers passed")
