"""Which ablations make up a sweep, their order, and the selection of scores."""

from __future__ import annotations

import json

import pandas as pd

from layerlab.analysis.records.upgrade import NEWER, upgrade
from layerlab.errors import RecordsError, unknown
from layerlab.names import ablation_name

#: What takes the place of a sweep for ablations that their authors named: each is a condition of its own.
NAMED = "named ablations"
#: The sweep of factors of pretraining, each a condition of its own.
FACTORS = "factors of pretraining"


def sweep_names(frame: pd.DataFrame) -> pd.Series[str]:
    """Name the sweep of each row; ablations of one sweep differ in their layers alone.

    Two sweeps that their author gave one name are named after what they do. Ablations of one sweep and model
    that have the same layers count as named ablations. Baselines have none and should be left out.
    """
    columns = ["study", "model", "sweep", "ablation", "layers", "options"]
    known = frame[columns].drop_duplicates()
    does = known["options"].map({options: layerless(options) for options in known["options"]})
    known = known.assign(does=does, name=known["sweep"].where(known["sweep"] != "", NAMED))
    for (_, _, sweep), part in known[known["sweep"] != ""].groupby(["study", "model", "sweep"]):
        sizes = part.groupby("does")["layers"].nunique()
        meanings = [meaning for meaning, size in sizes.items() if meaning and size > 1]
        if len(meanings) > 1 and sweep not in meanings:
            known.loc[part.index, "name"] = part["does"].where(part["does"] != "", sweep)
    met = known.duplicated(["study", "model", "name", "layers"], keep=False)
    known.loc[met & (known["sweep"] != FACTORS), "name"] = NAMED
    names = frame[columns].merge(known[[*columns, "name"]], how="left", on=columns)["name"]
    return pd.Series(names.to_numpy(), index=frame.index, dtype="str")


def layerless(options: str) -> str:
    """Name what an ablation does, without its layers; empty if that is unknown.

    >>> layerless('[{"phase": "after", "kind": "reset", "layers": "0-1", "to": "pretrained"}]')
    'reset(to=pretrained)@after'
    """
    entries = json.loads(options or "[]")
    return ablation_name(entries, [False] * len(entries)) if entries else ""


def windows(frame: pd.DataFrame, by: str = "layers") -> list[str]:
    """List the layer selections (or another column) of a frame from the bottom to the top of the model.

    >>> windows(pd.DataFrame({"layers": ["10", "2", "embeddings"], "first_layer": [10, 2, -1],
    ...                       "last_layer": [10, 2, -1]}))
    ['embeddings', '2', '10']
    """
    order = ["first_layer", "last_layer", "layers"]
    places = frame[list(dict.fromkeys([*order, by]))].drop_duplicates(by)
    ordered = places.sort_values(list(dict.fromkeys([*order, by])), na_position="last")
    return [str(place) for place in ordered[by]]


def in_order(frame: pd.DataFrame) -> list[str]:
    """List the ablations of a frame: the baseline, then the others from the bottom to the top."""
    return sorted(windows(frame, "ablation"), key=lambda name: name != "none")


def select_scores(frame: pd.DataFrame, metric: str | None = None, split: str | None = None) -> pd.DataFrame:
    """Keep the scores of one metric per task and of one split; measures of single layers are left out.

    Without a metric it is each task's main one, without a split ``test`` where there is one, or the only one.

    Raises:
        RecordsError: No row has that metric or split, or it is not clear which split is meant.
    """
    scores = frame[frame["layer"].isna()]
    if not set(NEWER) <= set(scores.columns):
        scores = upgrade(scores)  # such as one read by pandas, from records of an older version
    if scores.empty:
        return scores
    known = sorted(set(scores["metric"]))
    if metric is not None:
        if metric not in known:
            raise RecordsError(unknown("metric", metric, known))
        scores = scores[scores["metric"] == metric]
    else:
        # A part of the records may lack its task's main metric; then it is the first one by name.
        others = scores[~scores["task"].isin(scores["task"][scores["main"]])]
        first = others.groupby("task")["metric"].min()
        scores = scores[scores["main"] | (scores["metric"] == scores["task"].map(first))]
    splits = sorted(set(scores["split"]))
    if split is None:
        split = "test" if "test" in splits else splits[0]
        if split != "test" and len(splits) > 1:
            raise RecordsError(f"the records hold the splits {', '.join(splits)}: say which with split=")
    if split not in splits:
        raise RecordsError(unknown("split", split, splits))
    return scores[scores["split"] == split]
