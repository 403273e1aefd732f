"""The figures of effects with their words: sensitivity curves, curves of the targets, heatmaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd
from matplotlib.figure import Figure

from layerlab.analysis.sensitivity import MEAN
from layerlab.report.figures.drawing import Drawing, Material
from layerlab.report.figures.heatmap import plot_heatmap
from layerlab.report.figures.plots import plot_curves, plot_sensitivity
from layerlab.report.style.captions import count, seeds_words
from layerlab.report.style.panels import METRIC_NAMES, Panel, panel_names, panel_titles, panels


def draw_sensitivity(material: Material) -> Iterator[Drawing]:
    """Draw the drop on the source and on the mean of the targets, for every panel."""
    yield from _each("sensitivity", "Cost by layers", material.effect, plot_sensitivity, _sensitivity_caption)


def draw_targets(material: Material) -> Iterator[Drawing]:
    """Draw the drop on every target, for every panel with zero-shot targets."""
    effect = material.effect
    yield from _each("targets", "Cost on every target", effect, plot_curves, _targets_caption, zero_shot=True)


def draw_heatmaps(material: Material) -> Iterator[Drawing]:
    """Draw layers x targets, for every panel with zero-shot targets."""
    effect = material.effect
    yield from _each("heatmap", "Layers x targets", effect, plot_heatmap, _heatmap_caption, zero_shot=True)


def _each(
    kind: str,
    heading: str,
    effect: pd.DataFrame,
    plot: Callable[[pd.DataFrame], Figure],
    caption: Callable[[Panel, pd.DataFrame], str],
    *,
    zero_shot: bool = False,
) -> Iterator[Drawing]:
    """Draw one figure for each panel."""
    if effect.empty:
        return
    parts = panels(effect)
    names, titles = panel_names(list(parts)), panel_titles(list(parts))
    for panel, part in parts.items():
        if zero_shot and not (part["target"] == MEAN).any():
            continue
        title = ", ".join(titles[panel].splitlines())
        yield Drawing(f"{kind}-{names[panel]}", f"{heading}: {title}", caption(panel, part), plot(part))


def _sensitivity_caption(panel: Panel, part: pd.DataFrame) -> str:
    mean = part[part["target"] == MEAN]
    on_targets = f" and on the mean of {_n_targets(mean)}" if len(mean) else ""
    shown = part[(part["quantity"] == "source_drop") | (part["target"] == MEAN)]
    dots = panel.named or part["place"].nunique() == 1
    return (
        f"{_what(panel)} costs on the source ({panel.source}){on_targets}, {_unit(panel)}; "
        f"{seeds_words(shown['n_seeds'], 'bars' if dots else 'bands')}."
    )


def _targets_caption(panel: Panel, part: pd.DataFrame) -> str:
    mean = part[part["target"] == MEAN]
    together = ", with their mean in black" if int(mean["n_targets"].max()) > 1 else ""
    return f"{_what(panel)} costs on each of {_n_targets(mean)}{together}, {_unit(panel)}; {_means(part)}."


def _heatmap_caption(panel: Panel, part: pd.DataFrame) -> str:
    n_targets = _n_targets(part[part["target"] == MEAN])
    return (
        f"{_what(panel)} costs on the source ({panel.source}), on each of {n_targets} and on their mean, "
        f"{_unit(panel)} (red: the ablation hurts, blue: it helps); {_means(part)}."
    )


def _what(panel: Panel) -> str:
    return "What each ablation" if panel.named else "What the ablation of each layer window"


def _unit(panel: Panel) -> str:
    return f"in points of {METRIC_NAMES.get(panel.metric, panel.metric)} below the baseline without ablation"


def _n_targets(mean: pd.DataFrame) -> str:
    return count(int(mean["n_targets"].max()), "zero-shot target")


def _means(part: pd.DataFrame) -> str:
    n_seeds = int(part["n_seeds"].max())
    return f"means over {n_seeds} seeds" if n_seeds > 1 else "one seed"
