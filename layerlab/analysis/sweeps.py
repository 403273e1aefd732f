"""Which ablations make one sweep, in which order, and which metric of a task is looked at."""

from __future__ import annotations

import re

import pandas as pd

from layerlab.errors import RecordsError, unknown

#: The metric that a task is judged by, as in the papers; another task is judged by its first metric.
MAIN_METRICS = {"upos": "accuracy", "ner": "span_f1", "parsing": "las"}

#: The sweep of ablations that their authors named, whatever they do: conditions to be told apart by name.
NAMED = "named ablations"

# "reset(last:2, to=pretrained)@after" is a name that was made from the interventions.
_AUTOMATIC = re.compile(r"\)@(before|during|after)\b")
_SELECTION = re.compile(r"\([\w:,-]+(?:\)|, )")


def sweep_name(ablation: str, layers: str) -> str:
    """Name the sweep that an ablation belongs to: the ablation without its layers.

    Ablations that differ in anything but the layers (the phase, what a reset resets to, the factor of a
    scaling) never share a sweep. An ablation that its author named is no part of a sweep over layers, unless
    its name has the layers in brackets.

    >>> sweep_name("reset(0-1)@before", "0-1")
    'reset@before'
    >>> sweep_name("reset(last:2, to=pretrained)@after", "10-11")
    'reset(to=pretrained)@after'
    >>> sweep_name("rewind(0-1)", "0-1"), sweep_name("freeze to layer 5", "embeddings,0-5")
    ('rewind', 'named ablations')
    """
    if _AUTOMATIC.search(ablation) or f"({layers})" in ablation:
        return _SELECTION.sub(lambda found: "(" if found[0].endswith(", ") else "", ablation)
    return NAMED


def sweep_names(frame: pd.DataFrame) -> pd.Series[str]:
    """Name the sweep of each row; no sweep over layers gets two ablations of the same layers.

    Those that would meet there are told apart by name instead.
    """
    columns = ["ablation", "phase", "intervention", "layers"]
    known = frame[columns].drop_duplicates()
    names = {row: sweep_name(row[0], row[3]) for row in known.itertuples(index=False, name=None)}
    places = [(name, row[3]) for row, name in names.items()]
    for row, name in list(names.items()):
        if places.count((name, row[3])) > 1:
            names[row] = NAMED
    rows = frame[columns].itertuples(index=False, name=None)
    return pd.Series([names[row] for row in rows], index=frame.index, dtype="str")


def windows(frame: pd.DataFrame, by: str = "layers") -> list[str]:
    """List the layer selections of a frame from the bottom to the top of the model.

    Args:
        frame: Records or effects.
        by: The column to list; of the names of ablations the order is that of their layers.

    >>> windows(pd.DataFrame({"layers": ["10", "2", "embeddings"], "first_layer": [10, 2, -1],
    ...                       "last_layer": [10, 2, -1]}))
    ['embeddings', '2', '10']
    """
    order = ["first_layer", "last_layer", "layers"]
    places = frame[list(dict.fromkeys([*order, by]))].drop_duplicates(by)
    ordered = places.sort_values(list(dict.fromkeys([*order, by])), na_position="last")
    return [str(place) for place in ordered[by]]


def select_scores(frame: pd.DataFrame, metric: str | None = None, split: str | None = None) -> pd.DataFrame:
    """Keep the scores of one metric per task and of one split; measures of single layers are left out.

    Args:
        frame: Tidy records.
        metric: The metric; none means each task's main one.
        split: The split; none means ``test`` where there is one, or the only one.

    Raises:
        RecordsError: No row has that metric or split, or it is not clear which split is meant.
    """
    scores = frame[frame["layer"].isna()]
    if scores.empty:
        return scores
    known = sorted(set(scores["metric"]))
    if metric is not None:
        if metric not in known:
            raise RecordsError(unknown("metric", metric, known))
        scores = scores[scores["metric"] == metric]
    else:
        of_task = {
            str(task): _main_metric(str(task), list(part["metric"])) for task, part in scores.groupby("task")
        }
        scores = scores[scores["metric"] == scores["task"].map(of_task)]
    splits = sorted(set(scores["split"]))
    if split is None:
        split = "test" if "test" in splits else splits[0]
        if split != "test" and len(splits) > 1:
            raise RecordsError(f"the records hold the splits {', '.join(splits)}: say which with split=")
    if split not in splits:
        raise RecordsError(unknown("split", split, splits))
    return scores[scores["split"] == split]


def _main_metric(task: str, metrics: list[str]) -> str:
    main = MAIN_METRICS.get(task)
    return main if main in metrics else metrics[0]
