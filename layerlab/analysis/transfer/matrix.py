"""Transfer from every source to every target: the baseline's scores as a matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from layerlab.analysis.effects.sensitivity import SETTING
from layerlab.analysis.effects.sweeps import select_scores
from layerlab.analysis.records.tidy import BASELINE
from layerlab.targets import own_targets

#: What the sources of one matrix share.
_SHARED = tuple(name for name in SETTING if name != "source")


@dataclass(frozen=True)
class Transfer:
    """Mean scores of fits on several sources, on every target.

    Attributes:
        setting: Study, model, task, metric and split.
        mean: Points (fractions x 100), a row a source, a column a target, the sources' first.
        half: Half of the 95% t interval over seeds, in points; missing for one seed.
        n_seeds: Seeds behind each cell.
    """

    setting: Mapping[str, str]
    mean: pd.DataFrame
    half: pd.DataFrame
    n_seeds: pd.DataFrame


def transfers(frame: pd.DataFrame, metric: str | None = None) -> Iterator[Transfer]:
    """Yield the matrix of every setting whose baseline was fine-tuned on more than one source."""
    scores = select_scores(frame, metric)
    for key, rows in scores[scores["ablation"] == BASELINE].groupby(list(_SHARED), sort=False):
        sources = list(dict.fromkeys(rows["source"]))
        if len(sources) < 2:
            continue
        scored = set(rows["target"])
        own = dict.fromkeys(name for source in sources for name in own_targets(scored, source))
        targets = [*own, *sorted(scored - set(own))]
        groups = 100 * rows.set_index(["source", "target"])["value"]
        found = groups.groupby(level=[0, 1])
        tables = {"mean": found.mean(), "half": _half(found), "n_seeds": found.size()}
        placed = {name: one.unstack().reindex(index=sources, columns=targets) for name, one in tables.items()}
        placed["n_seeds"] = placed["n_seeds"].fillna(0).astype(int)
        setting = dict(zip(_SHARED, map(str, key), strict=True))
        yield Transfer(setting, **placed)


def _half(groups: Any) -> pd.Series[float]:
    """Return half of the t interval of the mean of each group."""
    from scipy.stats import t

    n = groups.size()
    widths = pd.Series(t.ppf(0.975, (n - 1).clip(lower=1)), index=n.index)
    half: pd.Series[float] = widths * groups.std() / n**0.5
    return half
