"""Transfer matrix: the baseline of every source on every target, at a glance."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from matplotlib.figure import Figure as MplFigure

from layerlab.analysis.transfer.matrix import Transfer, transfers
from layerlab.names import metric_name, task_name
from layerlab.report.figures.figure import Drawing, Figure, Material
from layerlab.report.style.captions import capital, count, matrix_words
from layerlab.report.style.matrix import CELL, draw_matrix
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH, figure_style

_MOST_COLUMNS = 18  # in the width of a page


def _plot(transfer: Transfer) -> MplFigure:
    table = transfer.mean.iloc[:, :_MOST_COLUMNS]
    n_rows, n_columns = table.shape
    needed = 0.7 + n_columns * CELL
    with figure_style():
        width = COLUMN_WIDTH if needed <= COLUMN_WIDTH else FULL_WIDTH
        height = 0.9 + n_rows * min(CELL, (width - 0.7) / n_columns)
        figure = MplFigure(figsize=(width, height), layout="constrained")
        axis = figure.subplots()
        draw_matrix(axis, table)
        axis.set_ylabel("fit on")
        axis.set_xlabel("evaluated on")
        setting = transfer.setting
        figure.suptitle(
            f"{task_name(setting['task'])}, {metric_name(setting['metric'])} (points)", fontsize=8
        )
    return figure


def _find(material: Material) -> Iterator[Drawing]:
    """Yield the matrix of every model and task that was fine-tuned on several sources."""
    for transfer in transfers(material.frame, material.metric):
        setting = transfer.setting
        name = material.stem("transfer", {**setting, "source": ""})
        title = f"Transfer between languages: {setting['model']}, {task_name(setting['task'])}"
        yield Drawing(name, title, _caption(transfer), partial(_plot, transfer))


def _caption(transfer: Transfer) -> str:
    n_left = max(0, transfer.mean.shape[1] - _MOST_COLUMNS)
    seeds = int(transfer.n_seeds.to_numpy().min())
    halves = transfer.half.to_numpy(float)
    widest = float(np.fmax.reduce(halves, axis=None))
    rest = f" {count(n_left, 'target')} more are in the table." if n_left else ""
    return (
        f"{capital(metric_name(transfer.setting['metric']))} in points of the baseline fine-tuned on the "
        f"language of the row and evaluated on that of the column; "
        f"{matrix_words(seeds, widest)}.{rest}"
    )


TRANSFER = Figure(
    "transfer",
    shows="the baseline of every source on every target",
    needs="the baseline of more than one source",
    find=_find,
)
