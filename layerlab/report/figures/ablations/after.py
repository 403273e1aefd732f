"""Interventions after fine-tuning side by side: rewound, re-randomised, skipped, permuted or scaled layers.

Reference: Zhang, Bengio, Singer (2022), "Are All Layers Created Equal?".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.sensitivity import MEAN, SETTING
from layerlab.analysis.effects.sweeps import NAMED
from layerlab.errors import RecordsError
from layerlab.names import metric_name, task_name
from layerlab.report.figures.ablations.effect_panels import means_words
from layerlab.report.figures.figure import Drawing, Figure, Material, by_setting, only_setting
from layerlab.report.style.axes import draw_band, draw_zero, put_legend
from layerlab.report.style.captions import about, count, effects_words
from layerlab.report.style.caution import limit_words
from layerlab.report.style.style import COLUMN_WIDTH, figure_style, line_style
from layerlab.report.style.units import unit_of
from layerlab.report.style.wording import words_of_sweeps

_MOST_TICKS = 13
_MOST_BANDS = 4


def plot_after(effect: pd.DataFrame) -> MplFigure:
    """Draw the change of the score by layer for every sweep of interventions after fine-tuning.

    Above on the source, below on the mean of the zero-shot targets, on one scale. A window of several layers
    is drawn at its middle. Bands are 95% intervals, left out for more than four sweeps. Takes
    what ``layerlab.analysis.effects.sensitivity`` gives, of one model, task and source.

    Raises:
        RecordsError: No sweep after fine-tuning, or several settings.
    """
    rows = sweeps_after(effect)
    if rows.empty:
        raise RecordsError(
            "there is no sweep of interventions after fine-tuning to show: expected ablations of the phase "
            "'after' over more than one window"
        )
    setting = only_setting(rows, "a figure of sweeps after fine-tuning")
    shown = [
        (f"on {setting['source']} (source)", rows[rows["quantity"] == "source_drop"]),
        (_targets(rows), rows[(rows["quantity"] == "zero_shot_drop") & (rows["target"] == MEAN)]),
    ]
    shown = [(title, part) for title, part in shown if len(part)]
    with figure_style():
        figure = MplFigure(figsize=(COLUMN_WIDTH, 0.65 + 1.45 * len(shown)), layout="constrained")
        axes = figure.subplots(len(shown), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axis, (title, part) in zip(axes, shown, strict=True):
            _draw_sweeps(axis, part, _short(rows))
            axis.set_title(f"{task_name(setting['task'])} {title}, after fine-tuning")
            axis.set_ylabel(f"change ({unit_of(rows).words})")
        _label_layers(axes[-1], rows)
        put_legend(figure, list(axes))
    return figure


def sweeps_after(effect: pd.DataFrame) -> pd.DataFrame:
    """Keep the sweeps over layers after fine-tuning, of more than one window."""
    rows = effect[(effect["phase"] == "after") & (effect["sweep"] != NAMED)]
    if rows.empty:
        return rows
    windows = rows.groupby([*SETTING, "sweep"], sort=False)["layers"].transform("nunique")
    return rows[windows > 1]


def _find(material: Material) -> Iterator[Drawing]:
    """Yield the sweeps after fine-tuning of every setting that has several."""
    for setting, rows in by_setting(sweeps_after(material.effect)):
        n_sweeps = rows["sweep"].nunique()
        if n_sweeps < 2:
            continue  # the figure of the sweep by itself has it
        words = " / ".join(_short(rows).values())
        seeds = means_words(rows) if n_sweeps > _MOST_BANDS else effects_words(rows)
        caption = (
            f"What {n_sweeps} interventions on the fine-tuned encoder ({words}) change at each layer, in "
            f"{unit_of(rows).words} of {metric_name(setting['metric'])} against the encoder left as it is, "
            f"on the source and {_targets(rows)}; {seeds}."
        )
        if limits := limit_words(rows):
            caption += f" {limits}"
        name = material.stem("after", setting, scaled=True)
        yield Drawing(name, f"Layers after fine-tuning: {about(setting)}", caption, partial(plot_after, rows))


AFTER = Figure(
    "after",
    shows="rewound, re-randomised, skipped, permuted or scaled layers, side by side",
    needs="two or more sweeps over layers after fine-tuning, and the baseline",
    find=_find,
)


def _draw_sweeps(axis: Axes, part: pd.DataFrame, sweeps: Mapping[str, str]) -> None:
    draw_zero(axis)
    factor = unit_of(part).factor
    for index, (sweep, label) in enumerate(sweeps.items()):
        one = part[part["sweep"] == sweep]
        middle = (one["first_layer"] + one["last_layer"]) / 2
        one = one.assign(at=middle.astype("float64")).sort_values("at")
        style = line_style(index)
        axis.plot(one["at"], -factor * one["effect"], label=label, ms=2.8, **style)
        if len(sweeps) <= _MOST_BANDS:
            draw_band(axis, one["at"], -factor * one["high"], -factor * one["low"], style["color"])


def _label_layers(axis: Axes, rows: pd.DataFrame) -> None:
    first, last = int(rows["first_layer"].min()), int(rows["last_layer"].max())
    layers = range(max(first, 0), last + 1, -(-(last + 1) // _MOST_TICKS))
    embeddings = [-1] if first < 0 else []
    labels = ["emb"] * len(embeddings) + [str(layer) for layer in layers]
    axis.set_xticks([*embeddings, *layers], labels)
    axis.set_xlim(min(first, 0) - 0.3, last + 0.3)
    axis.set_xlabel("layer")


def _short(rows: pd.DataFrame) -> dict[str, str]:
    """Say what each sweep does, without saying when."""
    return {sweep: words.replace(" after fine-tuning", "") for sweep, words in words_of_sweeps(rows).items()}


def _targets(rows: pd.DataFrame) -> str:
    n_targets = rows[rows["target"] == MEAN]["n_targets"]
    if n_targets.empty:
        return "no target"
    return f"on the mean of {count(int(n_targets.max()), 'target')}"
