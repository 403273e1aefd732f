"""How far fine-tuning moved an encoder, by layer: its states in each language, its weights by component."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.records.tidy import BASELINE
from layerlab.errors import RecordsError
from layerlab.names import measure_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material, by_setting, only_setting
from layerlab.report.figures.layers.layer_curves import (
    PLACE,
    draw_chance,
    draw_curves,
    layer_means,
    measure_rows,
    measures_of,
    rows_of_measure,
)
from layerlab.report.figures.layers.similarity import band_words, own_seeds, plot_similarity, sweeps_of
from layerlab.report.style.axes import panel_grid, put_legend
from layerlab.report.style.captions import about, capital, count, seeds_words, sentences_words
from layerlab.report.style.style import DASHES, figure_style, line_style
from layerlab.targets import own_targets

_DRIFTS = ("drift", "drift_cosine")
_COMPONENTS = ("attention", "ffn", "norm")
_MOST_MARKED = 12


def plot_change(frame: pd.DataFrame, measure: str = "change_cka") -> MplFigure:
    """Draw the CKA of the fine-tuned encoder with the pretrained one by layer: a curve for each language.

    The source is black, or each of its languages. Intervals are left out, as those of many lines cover one
    another.

    Raises:
        RecordsError: No such measure for the baseline, or several settings.
    """
    rows = _baseline(rows_of_measure(frame, measure), measure)
    where = only_setting(rows, "a figure of change", PLACE)
    source, there = where["source"], set(rows["target"])
    own = own_targets(there, source)
    targets = sorted(there - set(own))
    curves, styles = {}, {}
    for index, target in enumerate(targets):
        curves[target] = layer_means(rows[rows["target"] == target])
        styles[target] = line_style(index) | {"lw": 0.9}
        if len(targets) > _MOST_MARKED:
            styles[target]["marker"] = ""
    for index, name in enumerate(own):
        label = f"{name} (source)"
        curves[label] = layer_means(rows[rows["target"] == name])
        styles[label] = {"color": "black", "linestyle": DASHES[index % len(DASHES)], "lw": 1.8, "zorder": 5}
    bare = {label: curve.assign(low=float("nan")) for label, curve in curves.items()}
    with figure_style():
        figure, (axis,) = panel_grid([f"{task_name(where['task'])} from {source}"], measure_name(measure))
        draw_curves(axis, bare, styles)
        draw_chance(axis, rows, measure)
        put_legend(figure, [axis])
    return figure


def plot_drift(frame: pd.DataFrame, measure: str = "drift") -> MplFigure:
    """Draw how far fine-tuning moved the weights of each layer, whole and by component.

    ``drift`` is the distance relative to the pretrained weights. Bands are 95% t intervals over seeds.

    Raises:
        RecordsError: No such measure for the baseline, or several settings.
    """
    names = {f"{measure}_{part}": part for part in _COMPONENTS} | {measure: "whole layer"}
    rows = measure_rows(frame)
    rows = _baseline(rows[rows["measure"].isin(names)], measure)
    where = only_setting(rows, "a figure of drift", PLACE)
    curves, styles = {}, {}
    for index, (name, label) in enumerate(names.items()):
        part = rows[rows["measure"] == name]
        if len(part):
            curves[label] = layer_means(part)
            styles[label] = line_style(index) | {"lw": 1.0}
    if measure in set(rows["measure"]):
        styles["whole layer"] = {"color": "black", "linestyle": "-", "marker": "o", "lw": 1.6}
    with figure_style():
        title = f"{task_name(where['task'])} from {where['source']}"
        figure, (axis,) = panel_grid([title], measure_name(measure))
        draw_curves(axis, curves, styles)
        axis.set_xlabel("layer (0: embeddings)")
        if measure == "drift":
            axis.set_ylim(bottom=0)
        put_legend(figure, [axis])
    return figure


def _find_change(material: Material) -> Iterator[Drawing]:
    """Yield the CKA of the fine-tuned encoder with the pretrained one, per language and for each sweep."""
    rows = measure_rows(material.frame)
    heading = "Fine-tuned against pretrained"
    for where, measure, here in measures_of(rows[rows["measure"].str.startswith("change")]):
        languages = count(here["target"].nunique(), "language")
        what = f"{capital(measure_name(measure))}, fine-tuned and pretrained, on the same sentences by layer"
        if (here["ablation"] == BASELINE).any():
            caption = f"{what}, for each of {languages}{sentences_words(here)}; {_widest(here)}."
            name = material.stem("change", where, measure)
            draw = partial(plot_change, here, measure)
            yield Drawing(name, f"{heading}: {about(where)}", caption, draw)
        for sweep, does in sweeps_of(here).items():
            caption = (
                f"{what}, without ablation and with each ({does}), mean over {languages}"
                f"{sentences_words(here)}; {band_words(here, sweep)}."
            )
            name = material.stem("change", where, measure, sweep or "")
            draw = partial(plot_similarity, here, measure, sweep=sweep)
            yield Drawing(name, f"{heading}: {about(where, does)}", caption, draw)


def _find_drift(material: Material) -> Iterator[Drawing]:
    """Yield how far fine-tuning moved the weights, by layer and component."""
    rows = measure_rows(material.frame)
    rows = rows[rows["ablation"] == BASELINE]
    for where, here in by_setting(rows, PLACE):
        for measure in _DRIFTS:
            part = here[here["measure"].isin([measure, *(f"{measure}_{name}" for name in _COMPONENTS)])]
            if len(part):
                caption = (
                    f"How far fine-tuning moved the weights of each layer, whole and by component: "
                    f"{measure_name(measure)}; {seeds_words([own_seeds(part)])}."
                )
                title = f"{capital(measure_name(measure))}: {about(where)}"
                name = material.stem(measure.replace("_", "-"), where)
                yield Drawing(name, title, caption, partial(plot_drift, part, measure))


CHANGE = Figure(
    "change",
    shows="CKA of fine-tuned and pretrained encoder",
    needs="the measure 'change'",
    find=_find_change,
)
DRIFT = Figure(
    "drift",
    shows="how far fine-tuning moved each layer's weights",
    needs="the measure 'drift'",
    find=_find_drift,
)


def _baseline(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Keep the runs without ablation."""
    own = rows[rows["ablation"] == BASELINE]
    if own.empty:
        raise RecordsError(f"the records have {measure} of no run without ablation (ablation {BASELINE!r})")
    return own


def _widest(rows: pd.DataFrame) -> str:
    """Say how wide the intervals are that are not drawn."""
    own = rows[rows["ablation"] == BASELINE]
    curves = [layer_means(part) for _, part in own.groupby("target")]
    halves = pd.concat([curve["high"] - curve["mean"] for curve in curves])
    if halves.isna().all():
        return "one seed, so there are no intervals"
    seeds = f"means over {own_seeds(own)} seeds"
    return f"{seeds}, whose 95% t intervals over seeds are at most ±{halves.max():.3f}"
