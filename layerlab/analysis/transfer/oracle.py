"""How far the epoch that was chosen on source dev is from the best one for each target.

The best epoch of a target is an oracle: it is found on the target's test set, which zero-shot transfer does
not have. It says what better selection could gain at most, and more than it could: the largest of several
noisy scores is too high.

Reference: Keung, Lu, Salazar, Bhardwaj (2020), "Don't Use English Dev: On the Zero-Shot Cross-Lingual
Evaluation of Contextual Embeddings".
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from typing import Any, Final

import pandas as pd

from layerlab.analysis.effects.sensitivity import ABLATION, MEAN, t_interval
from layerlab.errors import RecordsError, unknown
from layerlab.targets import own_targets, zero_shot_targets

#: What one fit is described by, but for its seed.
SETTING: Final = ("study", "model", "task", "metric", "source")
_WHERE: Final = (*SETTING, *ABLATION, "options")
ORACLE_COLUMNS: Final = (
    *_WHERE, "target", "split", "chosen", "oracle", "distance", "low", "high", "n_seeds", "seeds",
    "n_targets", "n_epochs", "chosen_low", "chosen_high", "oracle_low", "oracle_high",
)  # fmt: skip


def select_metric(frame: pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """Keep one metric of trajectories: the given one, or each task's main one.

    Raises:
        RecordsError: They do not have the metric.
    """
    if metric is None:
        return frame[frame["main"]]
    if metric not in set(frame["metric"]):
        raise RecordsError(unknown("metric", metric, set(frame["metric"])))
    return frame[frame["metric"] == metric]


def oracle_distances(frame: pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """Compare the epoch that each fit chose with the best one by target, averaged over seeds.

    Only epochs that could be chosen compete: where an intervention changes the model during fine-tuning,
    those that end after it. Where the mean of weights was kept, its score stands for the chosen epoch's, and
    the distance may be negative.

    Args:
        frame: Trajectories, as ``layerlab.analysis.records.trajectories.load_trajectories`` gives them.
        metric: The metric; none means each task's main one.

    Returns:
        One row per setting x ablation x target: ``chosen`` and ``oracle``, the mean scores over seeds;
        ``distance``, the oracle's minus the chosen one's; their 95% t intervals over seeds from
        ``chosen_low`` to ``chosen_high``, ``oracle_low`` to ``oracle_high`` and ``low`` to ``high`` (missing
        for one seed); ``n_seeds``, ``seeds``, and ``n_epochs`` that compete. The target
        ``mean`` is the mean over zero-shot targets, each with its own best epoch; on ``split`` ``dev`` is the
        source's dev set. Values are fractions.

    Raises:
        RecordsError: There is no such metric.
    """
    chosen = select_metric(frame, metric)
    rows = []
    for where, part in chosen.groupby(list(_WHERE), sort=False, dropna=False):
        named = dict(zip(_WHERE, where, strict=True))
        rows += [named | row for row in _compare(part, str(named["source"]))]
    return pd.DataFrame(rows, columns=list(ORACLE_COLUMNS))


def _compare(part: pd.DataFrame, source: str) -> Iterator[dict[str, Any]]:
    """Compare the fits of one ablation."""
    ends = part[part["competes"]]
    key = ["target", "split", "seed"]
    kept = part[part["chosen"]].groupby(key)["value"].first()
    best = ends.groupby(key)["value"].max()
    both = pd.DataFrame({"chosen": kept, "oracle": best}).dropna().reset_index()
    n_epochs = int(ends.groupby(["target", "split", "seed"])["epoch"].nunique().max()) if len(ends) else 0
    tests = both[both["split"] == "test"]
    others = zero_shot_targets(sorted(set(tests["target"])), source)
    own = own_targets(sorted(set(tests["target"])), source)
    domains = [one for one in sorted(set(tests["target"])) if one not in (*own, *others)]
    groups = [(source, "dev", both[both["split"] == "dev"])]
    groups += [(one, "test", tests[tests["target"] == one]) for one in (*own, *others, *domains)]
    if others:
        mean = tests[tests["target"].isin(others)].groupby("seed")[["chosen", "oracle"]].mean().reset_index()
        groups.append((MEAN, "test", mean))
    for target, split, rows in groups:
        if rows.empty:
            continue
        yield {
            "target": target,
            "split": split,
            **_mean_of("chosen", rows["chosen"]),
            **_mean_of("oracle", rows["oracle"]),
            **_mean_of("distance", rows["oracle"] - rows["chosen"], ""),
            "n_seeds": len(rows),
            "seeds": ",".join(str(seed) for seed in sorted(rows["seed"])),
            "n_targets": len(others) if target == MEAN else 1,
            "n_epochs": n_epochs,
        }


def _mean_of(name: str, values: pd.Series[float], prefix: str | None = None) -> dict[str, float]:
    """Return the mean of one value a seed, and its t interval over seeds."""
    low, high = t_interval([float(value) for value in values])
    start = f"{name}_" if prefix is None else prefix
    return {name: fmean(values), f"{start}low": low, f"{start}high": high}
