"""A measure of source and target by layer: before and after fine-tuning, with and without ablations.

Reference: Muller, Elazar, Sagot, Seddah (2021), "First Align, then Predict", section 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.effects.sweeps import NAMED, sweep_names, windows
from layerlab.analysis.records.tidy import BASELINE
from layerlab.errors import RecordsError, unknown
from layerlab.names import measure_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material, only_setting
from layerlab.report.figures.layers.layer_curves import (
    MOST_BANDS,
    PLACE,
    STEP,
    condition_styles,
    conditions,
    draw_chance,
    draw_curves,
    layer_means,
    measure_rows,
    measures_of,
    rows_of_measure,
)
from layerlab.report.style.axes import panel_grid, put_legend, short_layers
from layerlab.report.style.captions import about, capital, count, seeds_words, sentences_words
from layerlab.report.style.style import figure_style
from layerlab.report.style.wording import words_of_sweeps


def plot_similarity(frame: pd.DataFrame, measure: str = "cka", *, sweep: str | None = None) -> MplFigure:
    """Draw a measure by layer, mean over the targets: pretrained, fine-tuned and, of a sweep, ablated.

    Bands are 95% t intervals over seeds, for all curves where they are few, else for the fine-tuned encoder.
    The pretrained encoder is one and has none; nor have measures such as ``change_cka`` a value for it.

    Raises:
        RecordsError: No such measure or sweep, or several settings.
    """
    rows = rows_of_measure(frame, measure)
    where = only_setting(rows, "a figure of similarity", PLACE)
    ablated, labels = _ablated(rows, sweep)
    words = sweeps_of(rows)[sweep] if sweep else ""
    parts = conditions(rows, ablated)
    curves = {labels.get(name, name): layer_means(part) for name, part in parts.items()}
    styles = condition_styles(list(curves), ordered=sweep not in (None, NAMED))
    title = f"{task_name(where['task'])} from {where['source']}"
    with figure_style():
        figure, (axis,) = panel_grid([f"{title}, {words}" if sweep else title], measure_name(measure))
        draw_curves(axis, curves, styles)
        draw_chance(axis, rows, measure)
        put_legend(figure, [axis])
    return figure


def _find(material: Material) -> Iterator[Drawing]:
    """Yield measures of source and target, and of neighbouring layers, after fine-tuning and before."""
    rows = measure_rows(material.frame)
    rows = rows[~rows["measure"].str.startswith(("change", "drift"))]
    for where, measure, here in measures_of(rows):
        words = capital(measure_name(measure))
        steps = measure.startswith(STEP)
        of = "in each language" if steps else f"of {where['source']} and each target"
        states = "after fine-tuning"
        if here["pretrained"].any():
            states = "before fine-tuning (pretrained) and after it (fine-tuned)"
        sweeps = sweeps_of(here)
        for sweep in tuple(sweeps) or (None,):
            does = sweeps[sweep] if sweep else ""
            ablated = f" and with each ablation ({does})" if sweep else ""
            languages = count(here["target"].nunique(), "language" if steps else "target")
            mean = f"mean over {languages}{sentences_words(here)}"
            caption = f"{words} {of} by layer, {states}{ablated}, {mean}; {band_words(here, sweep)}."
            yield Drawing(
                material.stem("similarity", where, measure, sweep or ""),
                f"{words} by layer: {about(where, does)}",
                caption,
                partial(plot_similarity, here, measure, sweep=sweep),
            )


SIMILARITY = Figure(
    "similarity",
    shows="CKA, retrieval, ANC by layer: before and after fine-tuning, and ablated",
    needs="measures of source and target, or of neighbouring layers",
    find=_find,
)


def sweeps_of(rows: pd.DataFrame) -> dict[str, str]:
    """Say what each sweep does that rows of a measure have; ablations with names are one of them."""
    ablated = rows[rows["ablation"] != BASELINE]
    return words_of_sweeps(ablated.assign(sweep=sweep_names(ablated)))


def band_words(rows: pd.DataFrame, sweep: str | None) -> str:
    """Say what the bands of a figure of conditions are, and whose."""
    words = seeds_words([own_seeds(rows)])
    curves = {name: layer_means(part) for name, part in conditions(rows, _ablated(rows, sweep)[0]).items()}
    if "bands" not in words or len(curves) <= MOST_BANDS:
        return words
    halves = [curve["high"] - curve["mean"] for name, curve in curves.items() if name != "pretrained"]
    widest = pd.concat(halves).max()
    return f"{words}, drawn where there is no ablation; those of the others are at most ±{widest:.3f}"


def own_seeds(rows: pd.DataFrame) -> int:
    """Count the seeds of the runs that were fine-tuned."""
    return int(rows[~rows["pretrained"]]["seed"].nunique())


def _ablated(rows: pd.DataFrame, sweep: str | None) -> tuple[list[str], dict[str, str]]:
    """List the ablations of a sweep from the bottom up, and their labels: layers, unless they have names."""
    if sweep is None:
        return [], {}
    ablated = rows[rows["ablation"] != BASELINE]
    sweeps = sweep_names(ablated)
    ablated = ablated[sweeps == sweep]
    if ablated.empty:
        raise RecordsError(unknown("sweep", sweep, set(sweeps)))
    layers = dict(zip(ablated["ablation"], ablated["layers"], strict=True))
    labels = {name: f"layers {short_layers(str(text))}" for name, text in layers.items()}
    return windows(ablated, "ablation"), {} if sweep == NAMED else labels
