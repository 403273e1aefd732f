"""All figures of a study at once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from layerlab.analysis.sensitivity import MEAN
from layerlab.analysis.stored import Where
from layerlab.report.heatmap import plot_heatmap
from layerlab.report.panels import panel_names, panels
from layerlab.report.plots import plot_curves, plot_sensitivity, save_figure


def draw_all(effect: pd.DataFrame, folder: Where) -> list[Path]:
    """Draw the sensitivity curves, the curves of the targets and the heatmap of every panel, as PDF and PNG.

    The files are called ``sensitivity-<panel>``, ``targets-<panel>`` and ``heatmap-<panel>``, such as
    ``sensitivity-upos-en-reset-before.pdf``. What takes several zero-shot targets is left out where there is
    none.

    Args:
        effect: What ``layerlab.analysis.sensitivity`` gives.
        folder: Where the files go.

    Returns:
        The paths written.

    Raises:
        RecordsError: The frame has no rows.
    """
    parts = panels(effect)
    names = panel_names(list(parts))
    paths: list[Path] = []
    for panel, part in parts.items():
        paths += save_figure(plot_sensitivity(part), Path(folder) / f"sensitivity-{names[panel]}")
        if (part["target"] == MEAN).any():
            paths += save_figure(plot_curves(part), Path(folder) / f"targets-{names[panel]}")
            paths += save_figure(plot_heatmap(part), Path(folder) / f"heatmap-{names[panel]}")
    return paths
