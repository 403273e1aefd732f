"""What was measured layer by layer: similarities, retrieval, change, drift, and probes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

import pandas as pd

from layerlab.errors import RecordsError, unknown
from layerlab.report.figures.transfer.gap import gap_against_similarity
from results.numbers.folders import records
from results.numbers.forms import Estimate, Placed, fraction, of_metric
from results.numbers.selection import rows_of


class Place(NamedTuple):
    """What of a folder in ``results/`` is looked at.

    Attributes:
        name: The folder.
        task: Its task; empty for an encoder that was measured outside of a study.
        model: Its model.
        source: The language that others are compared with, or that was trained on.
        through: What states of aligned encoders went through: a map or a bound; empty for other rows.
    """

    name: str
    task: str
    model: str
    source: str
    through: str = ""


@dataclass(frozen=True)
class Levels:
    """What one folder holds by level: 0 is the output of the embeddings, i + 1 that of layer i.

    ``of`` is ``"source"``, a target, or ``"mean"`` over the targets other than the source.

    Attributes:
        place: The folder, and what of it is looked at.
    """

    place: Place

    @property
    def top(self) -> int:
        """The uppermost level."""
        return int(_rows(self.place)["layer"].max())

    def at(self, metric: str, level: int, of: str = "mean", ablation: str = "none") -> str:
        """Write a measure at a level."""
        return of_metric(metric, self._at(metric, level, of, ablation))

    def over(self, metric: str, levels: Iterable[int], of: str = "mean", ablation: str = "none") -> str:
        """Write the mean of a measure over some levels."""
        values = [self._at(metric, level, of, ablation) for level in levels]
        return of_metric(metric, sum(values) / len(values))

    def highest(
        self, metric: str, of: str = "mean", ablation: str = "none", among: Sequence[int] = ()
    ) -> Placed:
        """Return where a measure is largest; of levels that read alike, the lowest."""
        return self._extreme(metric, of, ablation, among, 1)

    def lowest(
        self, metric: str, of: str = "mean", ablation: str = "none", among: Sequence[int] = ()
    ) -> Placed:
        """Return where a measure is smallest; of levels that read alike, the lowest."""
        return self._extreme(metric, of, ablation, among, -1)

    def change(
        self, metric: str, first: int, last: int, of: str = "mean", ablation: str = "none"
    ) -> Estimate:
        """Return how much a score changes from one level to another, in points, paired by seed."""
        before, after = (self._by_seed(metric, level, of, ablation) for level in (first, last))
        values = [100 * (after[seed] - before[seed]) for seed in before]
        return Estimate.over(values)

    def added(self, metric: str, level: int, ablation: str, of: str = "mean") -> Estimate:
        """Return how much an ablation adds to a measure at a level, in points, paired by seed."""
        plain, changed = (self._by_seed(metric, level, of, one) for one in ("none", ablation))
        return Estimate.over([100 * (changed[seed] - plain[seed]) for seed in plain])

    def step(self, metric: str, of: str = "mean", ablation: str = "none") -> Placed:
        """Return the largest fall of a measure from one level to the next."""
        values = [self._at(metric, level, of, ablation) for level in range(self.top + 1)]
        falls = [before - after for before, after in pairwise(values)]
        most = max(falls)
        return Placed(of_metric(metric, most), self.depth(falls.index(most) + 1))

    def fall(self, metric: str, first: int, last: int, of: str = "mean", ablation: str = "none") -> str:
        """Write how much a measure falls by level between two levels, on average."""
        before, after = (self._at(metric, level, of, ablation) for level in (first, last))
        return fraction((before - after) / (last - first), 3)

    def depth(self, level: int) -> str:
        """Say where a level is.

        >>> levels("e5-cka").depth(5)
        'after 5 layers'
        """
        if level in (0, self.top):
            return "at the top" if level else "in the embeddings"
        return f"after {level} layer{'s' * (level > 1)}"

    def _at(self, metric: str, level: int, of: str, ablation: str) -> float:
        return fmean(self._by_seed(metric, level, of, ablation).values())

    def _by_seed(self, metric: str, level: int, of: str, ablation: str) -> dict[int, float]:
        found = _values(self.place, metric, of, ablation)
        if level not in found:
            raise RecordsError(
                f"{self.place.name}, {metric}: {unknown('level', str(level), map(str, found))}"
            )
        return found[level]

    def _extreme(self, metric: str, of: str, ablation: str, among: Sequence[int], sign: int) -> Placed:
        levels = among or range(self.top + 1)
        best = max(levels, key=lambda level: sign * self._at(metric, level, of, ablation))
        written = self.at(metric, best, of, ablation)
        first = next(level for level in levels if self.at(metric, level, of, ablation) == written)
        return Placed(written, self.depth(first))


def levels(name: str, task: str = "", *, model: str = "", source: str = "", through: str = "") -> Levels:
    """Return what was measured by level in a folder; what it has one of need not be named.

    Raises:
        RecordsError: There is no such folder, task, model or source; says which there are.
    """
    found = {"task": task, "model": model, "source": source}
    for column, wanted in found.items():
        known = _known(name, column)
        found[column] = known[0] if not wanted and len(known) == 1 else wanted
        if found[column] not in known:
            raise RecordsError(f"{name}: {unknown(column, wanted, known)}")
    return Levels(Place(name, **found, through=through))


def rho(name: str, level: int | str, measure: str = "cka", *, interval: bool = False) -> str:
    """Write Spearman's correlation over languages of the gap and a measure without ablation.

    Args:
        name: The study's folder.
        level: A level, or ``"weakest"`` or ``"strongest"``.
        measure: Of the fine-tuned encoder, or with the suffix ``_pretrained`` of the pretrained one.
        interval: Write the bootstrap interval over languages instead.
    """
    found = _rho(name, measure)
    if isinstance(level, str):
        strength = found["rho"].abs()
        wanted = strength.min() if level == "weakest" else strength.max()
        level = int(strength.index[strength == wanted][0])
    if level not in found.index:
        raise RecordsError(f"{name}: {unknown('level', str(level), map(str, found.index))}")
    value, low, high = (float(found[column][level]) for column in ("rho", "low", "high"))
    return f"{fraction(low)} to {fraction(high)}" if interval else fraction(value)


@cache
def _rho(name: str, measure: str) -> pd.DataFrame:
    found = _correlations(name, measure.removesuffix("_pretrained"))
    return found[found["measure"] == measure].set_index("layer")


@cache
def _correlations(name: str, measure: str) -> pd.DataFrame:
    return gap_against_similarity(records(name), measure).rho


@cache
def _known(name: str, column: str) -> list[str]:
    frame = records(name)
    return list(dict.fromkeys(frame[frame["layer"].notna()][column]))


@cache
def _rows(place: Place) -> pd.DataFrame:
    frame = records(place.name)
    for column in ("task", "model", "source"):
        frame = frame[frame[column] == getattr(place, column)]
    if place.through:
        frame = frame[frame["intervention"] == place.through]
    return frame[frame["layer"].notna()]


@cache
def _values(place: Place, metric: str, of: str, ablation: str) -> dict[int, dict[int, float]]:
    """Average a measure over targets, by level and seed; without seeds, that is 0."""
    rows = _rows(place)
    own = rows[rows["metric"] == metric]
    if own.empty:
        raise RecordsError(f"{place.name}: {unknown('measure', metric, set(rows['metric']))}")
    conditions = set(own["ablation"])
    if len(conditions) > 1 or ablation != "none":
        if ablation not in conditions:
            raise RecordsError(f"{place.name}: {unknown('ablation', ablation, conditions)}")
        own = own[own["ablation"] == ablation]
    wanted = rows_of(own, of, f"{place.name}, {metric}")
    found: dict[int, dict[int, float]] = {}
    seeded = wanted.assign(seed=wanted["seed"].fillna(0))
    means = seeded.groupby(["layer", "seed"])["value"].mean().reset_index()
    for level, seed, value in zip(means["layer"], means["seed"], means["value"], strict=True):
        found.setdefault(int(level), {})[int(seed)] = float(value)
    return found
