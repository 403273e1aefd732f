"""Effects of a shipped study: what ablations cost, as the texts need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Any

import pandas as pd

from layerlab.analysis.significance import LEVEL, significance
from layerlab.analysis.sweeps import NAMED, select_scores, windows
from layerlab.errors import RecordsError, unknown
from layerlab.targets import zero_shot_targets
from results.numbers.folders import records
from results.numbers.forms import Estimate, Placed, decimals, fraction

_GAPS = ("gap_change", "domain_gap_change")


@dataclass(frozen=True)
class Study:
    """One task of a shipped study, and the targets that means are over.

    An ablation is named by itself or by its layers. ``of`` is ``"source"``, a target, or ``"mean"`` over the
    zero-shot targets.

    Attributes:
        name: The study's folder in ``results/``.
        task: Its task.
        targets: The zero-shot targets to keep; none means all.
        sweep: The sweep that layers belong to; needed where several have them.
    """

    name: str
    task: str
    targets: tuple[str, ...] = ()
    sweep: str = ""

    @property
    def source(self) -> str:
        """The source language."""
        return str(_scores(self.name, self.task, self.targets)["source"].iloc[0])

    @property
    def n_seeds(self) -> int:
        """Seeds of the baseline."""
        return len(self._by_seed["none", self.source])

    @property
    def zero_shot(self) -> list[str]:
        """The targets that the mean is over."""
        return zero_shot_targets(
            [target for ablation, target in self._by_seed if ablation == "none"], self.source
        )

    @property
    def layers(self) -> list[str]:
        """The layers of the sweep, from the bottom up."""
        return _layers(self.name, self.task, self.targets, self.sweep)

    def over(self, *targets: str) -> Study:
        """Keep these zero-shot targets alone, so that means are over them."""
        return Study(self.name, self.task, targets, self.sweep)

    def score(self, of: str = "mean", ablation: str = "none") -> str:
        """Write the mean score over seeds, in points."""
        target, name = self._target(of), ablation if ablation == "none" else self._ablation(ablation)
        wanted = self.zero_shot if target == "mean" else [target]
        if missing := [one for one in wanted if (name, one) not in self._by_seed]:
            known = {one for ran, one in self._by_seed if ran == name}
            raise RecordsError(f"{self.name}: {unknown('target', missing[0], known)}")
        return decimals(100 * fmean(fmean(self._by_seed[name, one].values()) for one in wanted))

    def items(self, of: str) -> str:
        """Write how many items of a target are scored for each seed."""
        scores = _scores(self.name, self.task, self.targets)
        return f"{int(scores[scores['target'] == self._target(of)]['n'].iloc[0]):,}"

    def drop(self, ablation: str, of: str = "mean") -> Estimate:
        """Return what an ablation costs, in points."""
        return _estimate(self._row(ablation, of, gap=False))

    def gap(self, ablation: str, of: str = "mean") -> Estimate:
        """Return how much an ablation widens the gap to the source, in points."""
        return _estimate(self._row(ablation, of, gap=True))

    def q(self, ablation: str, of: str = "mean", *, gap: bool = True) -> str:
        """Write q of the change of the gap, or of the drop, within its family of tests."""
        return fraction(float(self._row(ablation, of, gap=gap)["q"]), 3)

    def significant(self, ablation: str, of: str = "mean", *, gap: bool = True) -> bool:
        """Whether q is at most the level that tables speak of."""
        return float(self._row(ablation, of, gap=gap)["q"]) <= LEVEL

    def most(self, of: str = "mean", among: Sequence[str] = ()) -> Placed:
        """Return the largest drop over the layers of the sweep, or among some of them."""
        return max(self._drops(of, among), key=_value)

    def least(self, of: str = "mean", among: Sequence[str] = ()) -> Placed:
        """Return the smallest drop over the layers of the sweep, or among some of them."""
        return min(self._drops(of, among), key=_value)

    def drops(self, ablations: Sequence[str], of: str = "mean") -> list[Estimate]:
        """Return what some ablations cost, in their order."""
        return [self.drop(one, of) for one in ablations]

    def within(self, ablations: Sequence[str], of: str = "mean") -> str:
        """Write the smallest margin within which each of some ablations is equivalent to none."""
        return max((self.drop(one, of).within for one in ablations), key=float)

    def clear(self, of: str = "mean") -> list[str]:
        """Return the layers of the sweep whose drop is above zero with its whole interval."""
        found = ((one, self.drop(one, of)) for one in self.layers)
        return [one for one, drop in found if drop.clear and drop.value > 0]

    def by_target(self, ablation: str) -> list[Placed]:
        """Return the drops on the zero-shot targets, the largest first."""
        found = [Placed(self.drop(ablation, target), target) for target in self.zero_shot]
        return sorted(found, key=_value, reverse=True)

    @property
    def _by_seed(self) -> dict[tuple[str, str], dict[int, float]]:
        return _by_seed(self.name, self.task, self.targets)

    def _target(self, of: str) -> str:
        return self.source if of == "source" else of

    def _ablation(self, wanted: str) -> str:
        """Return the name of an ablation that is named by itself or by its layers."""
        known = _ablations(self.name, self.task, self.targets, self.sweep)
        found = known.get(wanted, set())
        if len(found) != 1:
            raise RecordsError(
                f"{self.name}: layers {wanted} belong to {' and '.join(sorted(found))}; name one or the sweep"
                if found
                else f"{self.name}: {unknown('ablation or layers', wanted, known)}"
            )
        return next(iter(found))

    def _row(self, ablation: str, of: str, *, gap: bool) -> Mapping[Any, Any]:
        name, target = self._ablation(ablation), self._target(of)
        cells = _cells(self.name, self.task, self.targets)
        if (name, gap, target) not in cells:
            known = {one for ran, of_gap, one in cells if (ran, of_gap) == (name, gap)}
            raise RecordsError(f"{self.name}, {name}: {unknown('target', target, known)}")
        return cells[name, gap, target]

    def _drops(self, of: str, among: Sequence[str]) -> list[Placed]:
        return [
            Placed(self.drop(one, of), f"layer{'s' * ('-' in one)} {one}") for one in among or self.layers
        ]


def study(name: str, task: str = "", *, targets: Sequence[str] = (), sweep: str = "") -> Study:
    """Return a task of a shipped study; of a study of one task it need not be named.

    Raises:
        RecordsError: There is no such study, task, target or sweep; says which there are.
    """
    known = list(dict.fromkeys(select_scores(records(name))["task"]))
    if not task and len(known) == 1:
        task = known[0]
    if task not in known:
        raise RecordsError(f"{name}: {unknown('task', task, known)}")
    found = Study(name, task, tuple(targets), sweep)
    there = set(_scores(name, task, ())["target"])
    if missing := [one for one in targets if one not in there]:
        raise RecordsError(f"{name}: {unknown('target', missing[0], there)}")
    if sweep and not any(row["sweep"] == sweep for row in _cells(name, task, found.targets).values()):
        sweeps = {str(row["sweep"]) for row in _cells(name, task, found.targets).values()}
        raise RecordsError(f"{name}: {unknown('sweep', sweep, sweeps)}")
    return found


@cache
def _scores(name: str, task: str, targets: tuple[str, ...]) -> pd.DataFrame:
    frame = records(name)
    scores = select_scores(frame[frame["task"] == task])
    return scores[scores["target"].isin([*targets, *scores["source"]])] if targets else scores


@cache
def _by_seed(name: str, task: str, targets: tuple[str, ...]) -> dict[tuple[str, str], dict[int, float]]:
    """Gather scores by ablation and target, then by seed."""
    scores = _scores(name, task, targets)
    found: dict[tuple[str, str], dict[int, float]] = {}
    columns = (scores[column] for column in ("ablation", "target", "seed", "value"))
    for ablation, target, seed, value in zip(*columns, strict=True):
        found.setdefault((ablation, target), {})[seed] = value
    return found


@cache
def _effects(name: str, task: str, targets: tuple[str, ...]) -> pd.DataFrame:
    return significance(_scores(name, task, targets), resamples=1)  # the bootstrap's intervals are not used


@cache
def _cells(name: str, task: str, targets: tuple[str, ...]) -> dict[tuple[str, bool, str], Mapping[Any, Any]]:
    """Gather effects by ablation, whether they are of the gap, and target."""
    rows = _effects(name, task, targets).to_dict("records")
    return {(row["ablation"], row["quantity"] in _GAPS, row["target"]): row for row in rows}


@cache
def _ablations(name: str, task: str, targets: tuple[str, ...], sweep: str) -> dict[str, set[str]]:
    """Find the ablations that a name, or layers, may mean within a sweep, or within all."""
    found: dict[str, set[str]] = {}
    for row in _cells(name, task, targets).values():
        if sweep in ("", row["sweep"]):
            for key in (row["ablation"], row["layers"]):
                found.setdefault(key, set()).add(row["ablation"])
    return found


@cache
def _layers(name: str, task: str, targets: tuple[str, ...], sweep: str) -> list[str]:
    effects = _effects(name, task, targets)
    return windows(effects[effects["sweep"] == sweep] if sweep else effects[effects["sweep"] != NAMED])


def _estimate(row: Mapping[Any, Any]) -> Estimate:
    return Estimate(100 * row["effect"], 100 * (row["high"] - row["effect"]), int(row["n_seeds"]))


def _value(found: Placed) -> float:
    return found.number.value if isinstance(found.number, Estimate) else float(found.number)
