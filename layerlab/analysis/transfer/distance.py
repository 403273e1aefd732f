"""Distances between languages in records, and how the transfer gap goes with them."""

from __future__ import annotations

import pandas as pd

from layerlab.analysis.effects.sensitivity import SETTING, transfer_gap
from layerlab.analysis.records.tidy import BASELINE
from layerlab.analysis.significance.inference import false_discovery
from layerlab.analysis.transfer.correlation import CORRELATION_COLUMNS, correlate
from layerlab.names import DISTANCE


def distance_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Select the rows of distances; the column ``measure`` has the kind of distance."""
    return frame[frame["ablation"] == DISTANCE].rename(columns={"metric": "measure"})


def correlate_distances(frame: pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """Correlate the baseline's transfer gap with every kind of distance over target languages.

    Args:
        frame: Tidy records with distances.
        metric: The metric of scores; None for each task's own.

    Returns:
        What ``layerlab.analysis.transfer.correlation.correlate`` gives, with the kind of distance as
        ``measure`` and without ``layer``; ``q`` is over the kinds of a model, task and source. No rows
        without distances.
    """
    rows = distance_rows(frame)
    gaps = transfer_gap(frame, metric) if len(rows) else pd.DataFrame()
    columns = [name for name in CORRELATION_COLUMNS if name != "layer"]
    tables = []
    places = ["study", "model", "task", "source"]
    for place, part in rows.groupby(places, sort=False):
        own = gaps[(gaps["ablation"] == BASELINE) & (gaps[places] == list(place)).all(axis=1)]
        if len(own.merge(part[["target"]].drop_duplicates(), on="target")):
            tables.append(_with_q(correlate(own, part)))
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def _with_q(table: pd.DataFrame) -> pd.DataFrame:
    """Give q over the kinds of distance, where ``correlate`` gives it over layers."""
    return table.assign(q=table.groupby(list(SETTING), dropna=False)["p"].transform(false_discovery))
