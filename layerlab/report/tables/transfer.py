"""The table of transfer from every source to every target."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from layerlab.analysis.transfer.matrix import Transfer, transfers
from layerlab.names import metric_name, task_name
from layerlab.report.style.wording import slug
from layerlab.report.tables.cells import fitting, model_title
from layerlab.report.tables.layout import Cell, Row, Section, Table
from layerlab.report.tables.notes import seeds_counted


def transfer_table(frame: pd.DataFrame) -> Table:
    """Lay out the baseline of every source on every target, in points with 95% t intervals over seeds.

    A setting with one source has no section.
    """
    return Table(tuple(section for one in transfers(frame) for section in _sections(one)))


def _sections(transfer: Transfer) -> list[Section]:
    setting = transfer.setting
    title = f"{model_title(setting['study'], setting['model'])}, {task_name(setting['task'])}: transfer"
    counts = pd.Series(transfer.n_seeds.to_numpy(int).ravel())
    note = (
        f"Points of {metric_name(setting['metric'])} of the baseline on the {setting['split']} split, "
        f"fine-tuned on the language of the row; {seeds_counted(counts)}, intervals are 95% t intervals over "
        "seeds."
    )
    label = f"{slug(setting['study'] or setting['model'])}-transfer"
    sections = []
    for targets, counted in fitting(list(transfer.mean.columns)):
        rows = [Row((str(source),), _cells(transfer, str(source), targets)) for source in transfer.mean.index]
        sections.append(Section(title + counted, ("fit on",), tuple(targets), tuple(rows), note, label))
    return sections


def _cells(transfer: Transfer, source: str, targets: Sequence[str]) -> tuple[Cell, ...]:
    frames = (transfer.mean, transfer.half, transfer.n_seeds)
    columns = (one.loc[source, list(targets)].to_numpy(float).tolist() for one in frames)
    return tuple(
        Cell(mean, half if half == half else None, n=int(n) or None)
        for mean, half, n in zip(*columns, strict=True)
    )
