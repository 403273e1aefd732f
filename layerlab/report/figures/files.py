"""All figures of a study at once, as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from layerlab.analysis.stored import Where
from layerlab.report.figures.gallery import drawings
from layerlab.report.figures.plots import save_figure


def draw_all(
    frame: pd.DataFrame, folder: Where, *, metric: str | None = None, figures: Sequence[str] = ()
) -> list[Path]:
    """Draw every figure that records have data for, as PDF and PNG.

    The files are called after the kind and what is shown, such as ``sensitivity-upos-en-reset-before.pdf``.

    Args:
        frame: Tidy records.
        folder: Where the files go.
        metric: The metric of scores; None for each task's own.
        figures: Names of the kinds wanted (``layerlab.report.figures.gallery.KINDS``); none means all.

    Returns:
        The paths written.

    Raises:
        RecordsError: There is no such figure or metric, or no data for what was asked for.
    """
    paths: list[Path] = []
    for drawing in drawings(frame, metric=metric, figures=figures):
        paths += save_figure(drawing.figure, Path(folder) / drawing.name)
    return paths
