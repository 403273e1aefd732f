"""Records of encoders that are aligned with each other: their rows, means, and CKA against retrieval.

Reference: Wu et al. (2020), section 5.3: CKA of two encoders correlates with retrieval between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

import pandas as pd

from layerlab.analysis.effects.sensitivity import t_interval
from layerlab.analysis.significance.inference import RESAMPLES
from layerlab.analysis.transfer.correlation import spearman
from layerlab.errors import RecordsError
from layerlab.names import ALIGNED, DIRECTIONS

#: What two encoders and two languages have in common in the records.
PAIR = ("study", "model", "donor", "source")
_CURVE = (*PAIR, "target", "task", "metric", "condition", "layer")
_SIMILARITY = "cka"
#: Which retrieval goes with the CKA of a condition: unmapped states have no retrieval but by a map.
_RETRIEVED = {"none": "procrustes", "joint": "joint", "untrained": "untrained"}
CKA_COLUMNS = (
    *PAIR, "target", "condition", "metric", "pearson", "rho", "low", "high", "p", "n_layers", "n_seeds",
)  # fmt: skip


def has_alignment(frame: pd.DataFrame) -> bool:
    """Return whether records have rows of encoders that are aligned."""
    return bool((frame["ablation"] == ALIGNED).any())


def aligned_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Select the rows of alignments, without single directions of retrieval.

    Raises:
        RecordsError: There are none.
    """
    rows = frame[(frame["ablation"] == ALIGNED) & frame["layer"].notna() & frame["value"].notna()]
    rows = rows[~rows["metric"].str.endswith(DIRECTIONS)]
    if rows.empty:
        raise RecordsError(
            f"there is no alignment to show: the records have no rows with the ablation {ALIGNED!r}"
        )
    return rows


def aligned_parts(rows: pd.DataFrame) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Part rows of alignments by encoders, languages, task and metric; of a task's metrics its main one.

    The rows of a task that are of the source language, which nothing is mapped for, go with each target.
    """
    names = [*PAIR, "task", "metric"]
    for key, part in rows[(rows["task"] == "") | rows["main"]].groupby(names, sort=False):
        where = dict(zip(names, map(str, key), strict=True))
        own = part[part["target"] == where["source"]]
        for target, there in part[part["target"] != where["source"]].groupby("target", sort=False):
            runs = own[own["run_id"].isin(set(there["run_id"]))]
            yield where | {"target": str(target)}, pd.concat([runs, there])


def aligned_means(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of every measure of aligned encoders over seeds, with its 95% t interval.

    Returns:
        One row a pair of encoders, target, task, metric, condition and layer: ``mean``, ``low``, ``high``,
        ``n_seeds``.

    Raises:
        RecordsError: There are no rows of alignments.
    """
    rows = aligned_rows(frame).rename(columns={"intervention": "condition"})
    found = []
    for key, part in rows.groupby(list(_CURVE), sort=False):
        values = [float(value) for value in part["value"]]
        found.append((*key, fmean(values), *t_interval(values), len(values)))
    return pd.DataFrame(found, columns=[*_CURVE, "mean", "low", "high", "n_seeds"])


def cka_against_retrieval(frame: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Correlate the CKA of two encoders with the retrieval between them, over the layers.

    Args:
        frame: Tidy records.
        resamples: Of the bootstrap over layers.
        seed: Of what is drawn.

    Returns:
        One row a pair of encoders, target, condition of the CKA (``none``: the two as they are, beside
        retrieval by Procrustes; ``joint``; ``untrained``) and metric of retrieval: Pearson's r (``pearson``),
        Spearman's ``rho`` with its bootstrap interval over the layers, and the p value of the permutation
        test. Layers are no independent sample: the numbers describe a curve. Values are means over seeds.

    Raises:
        RecordsError: There are no rows of alignments.
    """
    rows = aligned_rows(frame)
    found = []
    for key, part in rows[rows["task"] == ""].groupby([*PAIR, "target"], sort=False):
        similarity = part[part["metric"] == _SIMILARITY]
        for condition, retrieved in _RETRIEVED.items():
            one = similarity[similarity["intervention"] == condition].groupby("layer")["value"].mean()
            others = part[(part["intervention"] == retrieved) & (part["metric"] != _SIMILARITY)]
            for metric, other in others.groupby("metric", sort=False):
                values = pd.concat([one, other.groupby("layer")["value"].mean()], axis=1, join="inner")
                if len(values) > 2:
                    numbers = spearman(values.iloc[:, 0], values.iloc[:, 1], resamples=resamples, seed=seed)
                    pearson = values.iloc[:, 0].corr(values.iloc[:, 1])
                    n_seeds = other["seed"].nunique()
                    row = (*key, condition, metric, pearson, *numbers.values(), len(values), n_seeds)
                    found.append(row)
    return pd.DataFrame(found, columns=list(CKA_COLUMNS))
