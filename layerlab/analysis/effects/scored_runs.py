"""The runs whose scores an effect is made of: by target, baseline and ablated, seed by seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from layerlab.analysis.effects.pairing import MEAN, SETTING
from layerlab.analysis.records.tidy import BASELINE
from layerlab.targets import sources_of

Row = Mapping[str, Any]  # of what `layerlab.analysis.effects.pairing.paired` gives

_ABLATION = ("ablation", "phase", "intervention", "layers")
_BASELINE = (BASELINE, "", "", "")  # of a setting there is one, whatever its columns say


class Scored(NamedTuple):
    """A score: the run that has it, its value, and the items that it is over."""

    run_id: str
    value: float
    n: float


@dataclass(frozen=True)
class ScoredRuns:
    """Which runs have which scores, and which of them effects are made of.

    Attributes:
        scores: By setting, ablation, target and seed.
        means: The targets that the mean of each setting and ablation is over.
    """

    scores: Mapping[tuple[Any, ...], Scored]
    means: Mapping[tuple[Any, ...], Sequence[str]]

    @classmethod
    def find(cls, scores: pd.DataFrame, effects: Iterable[Sequence[Row]]) -> ScoredRuns:
        """Find the runs of scores, and the targets of the means among effects.

        Args:
            scores: What ``layerlab.analysis.effects.sweeps.select_scores`` gives.
            effects: The rows of each effect, as ``layerlab.analysis.effects.pairing.pairs_of_effects``
                gathers them.
        """
        found: dict[tuple[Any, ...], Scored] = {}
        for row in scores[scores["value"].notna()].to_dict("records"):
            ablation = _BASELINE if row["ablation"] == BASELINE else _ablation(row)
            n = float("nan") if pd.isna(row["n"]) else float(row["n"])
            where = (*_setting(row), *ablation, row["target"], row["seed"])
            found[where] = Scored(str(row["run_id"]), float(row["value"]), n)
        means: dict[tuple[Any, ...], list[str]] = {}
        for first, *_ in effects:
            if first["quantity"] == "zero_shot_drop" and first["target"] != MEAN:
                means.setdefault((*_setting(first), *_ablation(first)), []).append(first["target"])
        return cls(found, means)

    def targets(self, row: Row) -> Sequence[str]:
        """Return the targets whose drops an effect is the mean of."""
        if row["target"] == MEAN:
            return self.means[(*_setting(row), *_ablation(row))]
        return self._languages(row["target"], row)

    def own(self, row: Row) -> Sequence[str]:
        """Return the targets of the source whose mean drop a change of the gap lacks; else none."""
        return self._languages(row["source"], row) if row["quantity"].endswith("gap_change") else ()

    def both(self, row: Row, target: str) -> tuple[Scored, Scored]:
        """Return the baseline's score on a target and the ablated one, with the row's seed."""
        setting, place = _setting(row), (target, row["seed"])
        return self.scores[*setting, *_BASELINE, *place], self.scores[*setting, *_ablation(row), *place]

    def _languages(self, target: str, row: Row) -> Sequence[str]:
        """Return what a target stands for: of a source of several languages, these."""
        itself = (*_setting(row), *_ablation(row), target, row["seed"])
        return [target] if itself in self.scores else sources_of(target)


def _setting(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in SETTING)


def _ablation(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _ABLATION)
