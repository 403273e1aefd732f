"""What was measured layer by layer: similarities, retrieval, change, drift, and probes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import pandas as pd

from layerlab.errors import RecordsError, unknown
from layerlab.report.figures.gap import gap_against_similarity
from results.numbers.folders import records
from results.numbers.forms import Placed, fraction, of_metric


@dataclass(frozen=True)
class Levels:
    """What one folder holds by level: 0 is the output of the embeddings, i + 1 that of layer i.

    ``of`` is ``"source"``, a target, or ``"mean"`` over the targets other than the source.

    Attributes:
        name: The folder in ``results/``.
        task: Its task; empty for an encoder that was measured outside of a study.
        model: Its model.
    """

    name: str
    task: str
    model: str

    @property
    def top(self) -> int:
        """The uppermost level."""
        return int(self._rows["layer"].max())

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

        >>> Levels("minimbert-cka", "upos", "minimbert").depth(5)
        'after 5 layers'
        """
        if level in (0, self.top):
            return "at the top" if level else "in the embeddings"
        return f"after {level} layer{'s' * (level > 1)}"

    @property
    def _rows(self) -> pd.DataFrame:
        return _rows(self.name, self.task, self.model)

    def _at(self, metric: str, level: int, of: str, ablation: str) -> float:
        found = _means(self.name, self.task, self.model, metric, of, ablation)
        if level not in found.index:
            raise RecordsError(
                f"{self.name}, {metric}: {unknown('level', str(level), map(str, found.index))}"
            )
        return float(found[level])

    def _extreme(self, metric: str, of: str, ablation: str, among: Sequence[int], sign: int) -> Placed:
        levels = among or range(self.top + 1)
        best = max(levels, key=lambda level: sign * self._at(metric, level, of, ablation))
        written = self.at(metric, best, of, ablation)
        first = next(level for level in levels if self.at(metric, level, of, ablation) == written)
        return Placed(written, self.depth(first))


def levels(name: str, task: str = "", *, model: str = "") -> Levels:
    """Return what was measured by level in a folder; task and model need a name where it has several.

    Raises:
        RecordsError: There is no such folder, task or model; says which there are.
    """
    found = {}
    for column, wanted in (("task", task), ("model", model)):
        known = _known(name, column)
        if not wanted and len(known) == 1:
            wanted = known[0]
        if wanted not in known:
            raise RecordsError(f"{name}: {unknown(column, wanted, known)}")
        found[column] = str(wanted)
    return Levels(name, **found)


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
def _rows(name: str, task: str, model: str) -> pd.DataFrame:
    frame = records(name)
    return frame[frame["layer"].notna() & (frame["task"] == task) & (frame["model"] == model)]


@cache
def _means(name: str, task: str, model: str, metric: str, of: str, ablation: str) -> pd.Series[float]:
    """Average a measure over targets within a seed, then over seeds, by level."""
    rows = _rows(name, task, model)
    own = rows[rows["metric"] == metric]
    if own.empty:
        raise RecordsError(f"{name}: {unknown('measure', metric, set(rows['metric']))}")
    conditions = set(own["ablation"])
    if len(conditions) > 1 or ablation != "none":
        if ablation not in conditions:
            raise RecordsError(f"{name}: {unknown('ablation', ablation, conditions)}")
        own = own[own["ablation"] == ablation]
    foreign = own["target"] != own["source"]
    wanted = {"mean": foreign, "source": ~foreign}.get(of, own["target"] == of)
    if not wanted.any():
        raise RecordsError(f"{name}, {metric}: {unknown('target', of, {'source', *own['target']})}")
    by_seed = own[wanted].groupby(["layer", own["seed"].fillna(0)])["value"].mean()
    return by_seed.groupby(level=0).mean()
