"""Scores along training, of studies that record them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pandas as pd

from layerlab.analysis.records.trajectories import load_trajectories
from layerlab.analysis.transfer.oracle import oracle_distances
from layerlab.errors import RecordsError, unknown
from results.numbers.folders import RESULTS
from results.numbers.forms import Estimate
from results.numbers.selection import rows_of


@dataclass(frozen=True)
class Trajectories:
    """The scores of one study along training, in points.

    ``of`` is ``"source"``, a target, or ``"mean"`` over the targets other than the source.

    Attributes:
        name: The study's folder.
    """

    name: str

    @property
    def steps(self) -> list[int]:
        """The steps after which the targets were scored."""
        return sorted({int(step) for step in _points(self.name)["step"]})

    def at(self, step: int, of: str = "mean", ablation: str = "none") -> Estimate:
        """Return the score after a step."""
        return Estimate.over(list(self._by_seed(step, of, ablation).values()))

    def lost(self, step: int, ablation: str, of: str = "mean") -> Estimate:
        """Return what an ablation costs after a step, paired by seed."""
        plain, changed = (self._by_seed(step, of, one) for one in ("none", ablation))
        return Estimate.over([plain[seed] - changed[seed] for seed in plain])

    def oracle(self, of: str = "mean", ablation: str = "none") -> Estimate:
        """Return how much better the epoch is that is best for a target than the chosen one."""
        found = _distances(self.name)
        target = found["source"].iloc[0] if of == "source" else of
        rows = found[
            (found["ablation"] == ablation) & (found["target"] == target) & (found["split"] == "test")
        ]
        if rows.empty:
            raise RecordsError(f"{self.name}: {unknown('target', target, set(found['target']))}")
        row = rows.iloc[0]
        return Estimate(100 * row["distance"], 100 * (row["high"] - row["distance"]), int(row["n_seeds"]))

    def _by_seed(self, step: int, of: str, ablation: str) -> dict[int, float]:
        points = _points(self.name)
        for column, wanted in (("ablation", ablation), ("step", step)):
            known = set(points[column])
            if wanted not in known:
                raise RecordsError(f"{self.name}: {unknown(column, str(wanted), map(str, known))}")
            points = points[points[column] == wanted]
        means = rows_of(points, of, self.name).groupby("seed")["value"].mean().reset_index()
        return {
            int(seed): 100 * float(value) for seed, value in zip(means["seed"], means["value"], strict=True)
        }


def trajectories(name: str) -> Trajectories:
    """Return the scores along training of a shipped study.

    Raises:
        RecordsError: It has none.
    """
    _points(name)
    return Trajectories(name)


@cache
def _points(name: str) -> pd.DataFrame:
    """Read the main score on test sets, one row a fit, step and target."""
    frame = load_trajectories(RESULTS / name)
    found = frame[frame["main"] & (frame["split"] == "test")]
    return found.drop_duplicates(["trajectory_id", "step", "target"])


@cache
def _distances(name: str) -> pd.DataFrame:
    return oracle_distances(load_trajectories(RESULTS / name))
