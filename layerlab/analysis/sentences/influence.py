"""How much each test sentence moves a score: the linear part of what leaving it out or doubling it would do.

Every score is a ratio of sums over sentences, or the mean of some, so this is exact to first order and needs
no resampling.

Reference: Efron and Tibshirani (1993), "An Introduction to the Bootstrap", chapter 21.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from layerlab.analysis.effects.scales import POINTS, Scale, slope
from layerlab.analysis.significance.resampling import PART, SENTENCE_COLUMNS
from layerlab.errors import RecordsError

Floats = npt.NDArray[np.float64]
_Key = tuple[str, str, str, str]  # study, run, target, metric


class SentenceInfluence:
    """Influence of sentences on the scores of runs."""

    def __init__(self, counts: pd.DataFrame, scale: Scale = POINTS) -> None:
        """Take what ``layerlab.analysis.sentences.counts.load_counts`` gives, and the scale of scores.

        Raises:
            RecordsError: A column is missing.
        """
        missing = [name for name in SENTENCE_COLUMNS if name not in counts.columns]
        if missing:
            raise RecordsError(f"the counts of sentences lack the columns {', '.join(missing)}")
        self._scale = scale
        counts = counts.sort_values("sentence", kind="stable")
        groups = counts.groupby(["study", "run_id", "target", "metric"], sort=False, observed=True)
        self._parts: Mapping[_Key, pd.DataFrame] = {
            (str(study), str(run), str(target), str(metric)): part
            for (study, run, target, metric), part in groups
        }
        self._found: dict[_Key, Floats] = {}
        self._sizes: dict[tuple[str, str], tuple[int, str]] = {}  # sentences of a target, and a run with them

    def of(self, study: str, run_id: str, target: str, metric: str, value: float, n: float) -> Floats | None:
        """Return the influence of each sentence of a target on a run's score, ``(sentences,)``.

        ``value`` is the recorded score and ``n`` what it is over. None where the run has no counts.

        Raises:
            RecordsError: The counts do not give the recorded score, or are of other sentences than those of
                another run on the target.
        """
        key = (study, run_id, target, metric)
        if key not in self._parts:
            return None
        if key not in self._found:
            counted, influence = _influence(self._parts[key])
            if not np.isclose(counted, value, rtol=1e-6, atol=1e-9):
                raise RecordsError(
                    f"run {run_id}, target {target}: the counts of sentences give {metric} {counted:.6f}, "
                    f"the records say {value:.6f}"
                )
            known, other = self._sizes.setdefault((study, target), (len(influence), run_id))
            if known != len(influence):
                raise RecordsError(
                    f"run {run_id}, target {target}: counts of {len(influence)} sentences, but {known} of "
                    f"run {other}"
                )
            steep = 1.0 if self._scale == POINTS else float(slope(value, n))
            self._found[key] = influence * steep
        return self._found[key]


def _influence(rows: pd.DataFrame) -> tuple[float, Floats]:
    """Return the score that counts of one run and target give, and the influence of each sentence on it."""
    several = PART in rows.columns and rows[PART].nunique() > 1
    parts = [part for _, part in rows.groupby(PART, observed=True)] if several else [rows]
    ratios: list[float] = []
    influences: list[Floats] = []
    for part in parts:
        hits, total = (part[name].to_numpy(np.float64) for name in ("hits", "total"))
        whole = total.sum()
        influences.append(np.zeros(len(hits)))
        if whole:
            ratios.append(float(hits.sum() / whole))
            influences[-1] = (hits - ratios[-1] * total) / whole
    if not ratios:
        return 0.0, np.zeros(len(influences[0]))
    return float(np.mean(ratios)), np.asarray(np.sum(influences, axis=0) / len(ratios))
