"""Transfer against overlap: scores of targets beside how much of their text is cut as the source's is.

References: Pires, Schlinger, Garrette (2019), "How Multilingual is Multilingual BERT?", section 4.1; Wu,
Conneau, Li, Zettlemoyer, Stoyanov (2020), "Emerging Cross-lingual Structure in Pretrained Language Models",
Table 1.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from layerlab.analysis.effects.sweeps import select_scores
from layerlab.analysis.records.tidy import BASELINE
from layerlab.analysis.transfer.correlation import spearman
from layerlab.analysis.transfer.emergence import names_at_end
from layerlab.names import OVERLAP
from layerlab.targets import zero_shot_targets

SHARED: Final = "shared_tokens"
#: What points of one figure have in common.
PLACE: Final = ("study", "source")
_FIT: Final = (*PLACE, "task", "model")
_POINT: Final = (*_FIT, "target")
POINT_COLUMNS: Final = (*_POINT, "metric", "seed", "shared", "score")
_FEWEST: Final = 5  # points for a correlation; the order of fewer is chance too often
_MOST_APART: Final = 3  # targets that have a correlation each


def overlap_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Select the rows of overlaps."""
    return frame[frame["ablation"] == OVERLAP]


def overlap_points(frame: pd.DataFrame, metric: str | None = None, shared: str = SHARED) -> pd.DataFrame:
    """Bring the zero-shot score of every model and target without ablation and its overlap together.

    Encoders that were kept on the way are left out where the last one is there: they cut text as it does.

    Args:
        frame: Tidy records with overlaps.
        metric: The metric of scores; None for each task's own.
        shared: ``shared_tokens`` or ``shared_pieces``.

    Returns:
        One row a study, source, task, model, target and seed, with ``shared`` and ``score`` as fractions.
        Where all seeds have one encoder, its overlap is that of each. Models stay in the order of the
        records. No rows without overlaps.
    """
    rows = overlap_rows(frame)
    rows = rows[(rows["metric"] == shared) & rows["value"].notna()]
    if rows.empty:
        return pd.DataFrame(columns=list(POINT_COLUMNS))
    scores = select_scores(frame, metric)
    scores = _last_steps(scores[(scores["ablation"] == BASELINE) & scores["value"].notna()])
    scores = pd.concat([scores.iloc[:0], *map(_zero_shot, scores.groupby(list(_FIT), sort=False))])
    own = rows.groupby([*_POINT, "seed"])["value"].mean().rename("shared").reset_index()
    common = rows.groupby(list(_POINT))["value"].mean().rename("common").reset_index()
    both = scores.rename(columns={"value": "score"}).merge(common, on=list(_POINT))
    both = both.merge(own, how="left", on=[*_POINT, "seed"])
    return both.assign(shared=both["shared"].fillna(both["common"]))[list(POINT_COLUMNS)]


def mean_points(points: pd.DataFrame) -> pd.DataFrame:
    """Average points over seeds: ``shared``, ``score`` and ``n_seeds`` of each model and target."""
    groups = points.groupby([*_POINT, "metric"], sort=False)
    means = groups.agg(shared=("shared", "mean"), score=("score", "mean"), n_seeds=("seed", "nunique"))
    return means.reset_index()


def correlate_overlap(points: pd.DataFrame) -> dict[str, float]:
    """Return Spearman's rho of score and overlap over the mean points of one task.

    Of several models it is over models, by target, for up to three targets that have enough points: what
    makes one target easier than another is in none of these. Otherwise it is over all points, under an empty
    name. Of fewer than five points, or where all are alike, there is none.

    >>> points = pd.DataFrame({"model": list("abcdeabcde"), "target": ["de"] * 5 + ["fr"] * 5})
    >>> points = points.assign(shared=[1, 2, 3, 4, 5] * 2, score=[2, 4, 6, 8, 9, 9, 8, 7, 6, 5])
    >>> {target: round(rho, 2) for target, rho in correlate_overlap(points).items()}
    {'de': 1.0, 'fr': -1.0}
    """
    parts = {str(target): part for target, part in points.groupby("target", sort=False)}
    if not 1 < len(parts) <= _MOST_APART or min(map(len, parts.values())) < _FEWEST:
        parts = {"": points}
    found = {
        target: spearman(part["shared"], part["score"])["rho"]
        for target, part in parts.items()
        if len(part) >= _FEWEST
    }
    return {target: rho for target, rho in found.items() if rho == rho}


def _last_steps(scores: pd.DataFrame) -> pd.DataFrame:
    """Leave out ``small@1000`` where the same study has ``small``."""
    known = set(zip(scores["study"], scores["model"], strict=True))
    places = zip(scores["study"], scores["model"], names_at_end(scores), strict=True)
    return scores[[model == last or (study, last) not in known for study, model, last in places]]


def _zero_shot(fits: tuple[object, pd.DataFrame]) -> pd.DataFrame:
    """Keep the scores of one source, task and model on targets in other languages."""
    _, scores = fits
    targets = zero_shot_targets(dict.fromkeys(scores["target"]), str(scores["source"].iloc[0]))
    return scores[scores["target"].isin(targets)]
