"""Effects of a shipped study: what ablations cost, as the texts need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from layerlab.analysis.effects.scales import LOG_ODDS, POINTS
from layerlab.analysis.significance.effects import LEVEL
from layerlab.errors import RecordsError, unknown
from layerlab.targets import sources_of, zero_shot_targets
from results.numbers.forms import Estimate, Interval, Placed, decimals, fraction
from results.numbers.selection import (
    Selection,
    ablations,
    by_seed,
    cells,
    cells_over_sentences,
    layers,
    scores,
    settings_of,
)


@dataclass(frozen=True)
class Study:
    """One setting of a shipped study.

    An ablation is named by itself or by its layers. ``of`` is ``"source"``, a target, or ``"mean"`` over the
    zero-shot targets.

    Attributes:
        wanted: Study, task, source, metric, and the zero-shot targets that means are over.
        sweep: The sweep that layers belong to; needed where several have them.
    """

    wanted: Selection
    sweep: str = ""

    @property
    def source(self) -> str:
        """The source language."""
        return self.wanted.source

    @property
    def n_seeds(self) -> int:
        """Seeds of the baseline."""
        return max(len(seeds) for (ablation, _), seeds in by_seed(self.wanted).items() if ablation == "none")

    @property
    def zero_shot(self) -> list[str]:
        """The targets that the mean is over."""
        known = [target for ablation, target in by_seed(self.wanted) if ablation == "none"]
        return zero_shot_targets(known, self.source)

    @property
    def layers(self) -> list[str]:
        """The layers of the sweep, from the bottom up."""
        return layers(self.wanted, self.sweep)

    def over(self, *targets: str) -> Study:
        """Keep these zero-shot targets alone, so that means are over them."""
        return replace(self, wanted=self.wanted._replace(targets=targets))

    @property
    def log_odds(self) -> Study:
        """The same on the scale of log-odds, on which a source near its ceiling can be compared with targets.

        Scores stay in points.
        """
        return replace(self, wanted=self.wanted._replace(scale=LOG_ODDS))

    def score(self, of: str = "mean", ablation: str = "none") -> str:
        """Write the mean score over seeds, in points."""
        return decimals(100 * fmean(self._scores(of, ablation)))

    def scored(self, of: str = "mean", ablation: str = "none") -> Estimate:
        """Return the mean score over seeds with its interval, in points."""
        return Estimate.over(self.by_seed(ablation, of))

    def by_seed(self, ablation: str = "none", of: str = "mean") -> list[float]:
        """Return the score of each seed, in points."""
        return [100 * value for value in self._scores(of, ablation)]

    def items(self, of: str) -> str:
        """Write how many items of a target are scored for each seed."""
        rows = scores(self.wanted)
        return f"{int(rows[rows['target'] == self._target(of)]['n'].iloc[0]):,}"

    def drop(self, ablation: str, of: str = "mean") -> Estimate:
        """Return what an ablation costs."""
        return self._estimate(self._row(ablation, of, gap=False))

    def gap(self, ablation: str, of: str = "mean") -> Estimate:
        """Return how much an ablation widens the gap to the source."""
        return self._estimate(self._row(ablation, of, gap=True))

    def gap_over_sentences(self, ablation: str, of: str = "mean") -> Interval:
        """Return the interval of a change of the gap over seeds and test sentences together."""
        row = self._row(ablation, of, gap=True, known=cells_over_sentences(self.wanted))
        unit, digits = self._unit
        return Interval(unit * row["low"], unit * row["high"], digits)

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

    def _estimate(self, row: Mapping[Any, Any]) -> Estimate:
        unit, digits = self._unit
        half = row["high"] - row["effect"]
        return Estimate(unit * row["effect"], unit * half, int(row["n_seeds"]), digits)

    @property
    def _unit(self) -> tuple[int, int]:
        """What a number is multiplied by, and its decimals."""
        return (100, 1) if self.wanted.scale == POINTS else (1, 2)

    def _target(self, of: str) -> str:
        return self.source if of == "source" else of

    def _scores(self, of: str, ablation: str) -> list[float]:
        """Return the score of each seed, averaged over targets."""
        name = ablation if ablation == "none" else self._ablation(ablation)
        groups = {"mean": self.zero_shot, "source": list(sources_of(self.source))}
        wanted, known = groups.get(of, [of]), by_seed(self.wanted)
        if missing := [one for one in wanted if (name, one) not in known]:
            there = {one for ran, one in known if ran == name}
            raise RecordsError(f"{self.wanted.name}: {unknown('target', missing[0], there)}")
        return [fmean(known[name, one][seed] for one in wanted) for seed in known[name, wanted[0]]]

    def _ablation(self, wanted: str) -> str:
        """Return the name of an ablation that is named by itself or by its layers."""
        known = ablations(self.wanted, self.sweep)
        found = known.get(wanted, set())
        if len(found) == 1:
            return next(iter(found))
        if found:
            names = " and ".join(sorted(found))
            raise RecordsError(
                f"{self.wanted.name}: layers {wanted} belong to {names}; name one or the sweep"
            )
        raise RecordsError(f"{self.wanted.name}: {unknown('ablation or layers', wanted, known)}")

    def _row(
        self,
        ablation: str,
        of: str,
        *,
        gap: bool,
        known: Mapping[tuple[str, bool, str], Mapping[Any, Any]] | None = None,
    ) -> Mapping[Any, Any]:
        name, target, known = self._ablation(ablation), self._target(of), known or cells(self.wanted)
        if (name, gap, target) not in known:
            there = {one for ran, of_gap, one in known if (ran, of_gap) == (name, gap)}
            raise RecordsError(f"{self.wanted.name}, {name}: {unknown('target', target, there)}")
        return known[name, gap, target]

    def _drops(self, of: str, among: Sequence[str]) -> list[Placed]:
        return [
            Placed(self.drop(one, of), f"layer{'s' * ('-' in one)} {one}") for one in among or self.layers
        ]


def study(
    name: str,
    task: str = "",
    *,
    source: str = "",
    metric: str = "",
    targets: Sequence[str] = (),
    sweep: str = "",
    model: str = "",
) -> Study:
    """Return a setting of a shipped study; what it has one of, a task or a source, need not be named.

    Raises:
        RecordsError: There is no such study, task, source, metric, target, sweep or model; says what is.
    """
    known, asked = settings_of(name), {"task": task, "source": source}
    for column, given in asked.items():
        asked[column] = known[column][0] if not given and len(known[column]) == 1 else given
        if asked[column] not in known[column]:
            raise RecordsError(f"{name}: {unknown(column, given, known[column])}")
    wanted = Selection(name, asked["task"], asked["source"], metric, tuple(targets), model=model)
    found = Study(wanted, sweep)
    scores(found.wanted)
    if sweep:
        ablations(found.wanted, sweep)
    return found


def _value(found: Placed) -> float:
    return found.number.value if isinstance(found.number, Estimate) else float(found.number)
