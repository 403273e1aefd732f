"""The table of trajectories: the epoch that was chosen on source dev beside the best one for each target."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from layerlab.analysis.effects.sensitivity import MEAN
from layerlab.analysis.effects.sweeps import in_order
from layerlab.analysis.transfer.oracle import SETTING, oracle_distances
from layerlab.names import metric_name, task_name
from layerlab.report.style.captions import spread
from layerlab.report.style.wording import slug
from layerlab.report.tables.cells import fitting, model_title
from layerlab.report.tables.layout import Cell, Row, Section, Table
from layerlab.report.tables.notes import seeds_counted
from layerlab.targets import own_targets, zero_shot_targets

_DEV = "dev"  # what the column of source dev is called
#: The rows of an ablation: the columns of its value and of the upper end of the interval, and its name.
_CELLS = (
    ("chosen", "chosen_high", "chosen"),
    ("oracle", "oracle_high", "best"),
    ("distance", "high", "distance"),
)


def trajectory_table(frame: pd.DataFrame, metric: str | None = None) -> Table:
    """Lay out, for every ablation, the chosen epoch's score, the best epoch's, and the distance, in points.

    Args:
        frame: Trajectories, as ``layerlab.analysis.records.trajectories.load_trajectories`` gives them.
        metric: The metric; none means each task's main one.

    Raises:
        RecordsError: There is no such metric.
    """
    found = oracle_distances(frame, metric)
    sections: list[Section] = []
    for key, part in found.groupby(list(SETTING), sort=False):
        sections += _sections(dict(zip(SETTING, map(str, key), strict=True)), part)
    return Table(tuple(sections))


def _sections(where: dict[str, str], part: pd.DataFrame) -> Iterator[Section]:
    part = part.assign(column=part["target"].where(part["split"] == "test", _DEV))
    found = set(part["column"])
    own = own_targets(found, where["source"])
    columns = [_DEV, *own, *sorted(found - {_DEV, MEAN, *own}), *({MEAN} & found)]
    title = (
        f"{model_title(where['study'], where['model'])}, {task_name(where['task'])} from {where['source']}: "
    )
    title += "the chosen epoch and the best one by target"
    ablations = in_order(part)
    for shown, counted in fitting(columns):
        rows = [row for name in ablations for row in _rows(part[part["ablation"] == name], name, shown)]
        headers = tuple("X" if name == MEAN else name for name in shown)
        note = _note(where, part)
        label = f"{slug(where['study'] or where['model'])}-trajectory"
        yield Section(title + counted, ("ablation", "epoch"), headers, tuple(rows), note, label)


def _rows(part: pd.DataFrame, ablation: str, columns: Sequence[str]) -> Iterator[Row]:
    found = {str(row["column"]): row for row in part.to_dict("records")}
    for name, high, words in _CELLS:
        cells = tuple(_cell(found.get(column), name, high) for column in columns)
        yield Row((ablation if name == "chosen" else "", words), cells, ruled=name == "chosen")


def _cell(row: Mapping[Hashable, Any] | None, name: str, high: str) -> Cell:
    if row is None:
        return Cell(float("nan"))
    half = 100 * float(row[high] - row[name])
    return Cell(100 * float(row[name]), half if half == half else None)


def _note(where: dict[str, str], part: pd.DataFrame) -> str:
    targets = zero_shot_targets(sorted(set(part["target"]) - {MEAN}), where["source"])
    mean = f" X = {', '.join(targets)}, each with its own best epoch." if MEAN in set(part["target"]) else ""
    several = int(part["n_seeds"].max()) > 1
    intervals = "; intervals are 95% t intervals over seeds" if several else ""
    return (
        f"Points of {metric_name(where['metric'])}; dev is the dev set of {where['source']}, and the other "
        "columns are test sets, which the choice of an epoch did not look at. The best epoch of a column is "
        "found on that column itself, so it bounds what better selection could gain, and is no method. "
        f"{spread(part['n_epochs'])} epochs compete; {seeds_counted(part['n_seeds'])}{intervals}.{mean}"
    )
