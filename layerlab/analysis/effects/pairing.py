"""Ablated scores beside those of the baseline, paired by seed.

The quantities are each positive where the ablation hurts:

- ``source_drop``: baseline minus ablated score on the source language;
- ``zero_shot_drop``: the same on a language without training data, and on their mean (target ``"mean"``);
- ``gap_change``: ablated minus baseline transfer gap, where the gap is the source's score minus the target's;
  it is the zero-shot drop beyond the source's own.

The score on a source of several languages (``en+fr``) is the mean of their scores; each of them also has a
``source_language_drop``.

Other corpora of the source's language (``en:GUM``) test a change of domain, not of language: they have the
quantities ``domain_drop`` and ``domain_gap_change`` instead, and enter no mean.

A run and its baseline with the same seed differ by the ablation alone, so every difference is taken within a
seed first; means over targets also, then everything is averaged over seeds. On the scale of log-odds scores
are put on it before anything is subtracted or averaged.

Reference: Muller, Elazar, Sagot, Seddah (2021), "First Align, then Predict".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

import pandas as pd

from layerlab.analysis.effects.factors import comparable_scores
from layerlab.analysis.effects.scales import POINTS, Scale, check_scale, scaled
from layerlab.analysis.effects.sweeps import sweep_names
from layerlab.analysis.records.tidy import BASELINE
from layerlab.errors import RecordsError
from layerlab.targets import domain_targets, own_targets, zero_shot_targets

#: The coordinates within which an ablation is compared with its baseline.
SETTING = ("study", "model", "task", "metric", "split", "source")
ABLATION = ("ablation", "phase", "intervention", "layers", "first_layer", "last_layer")
QUANTITIES = ("source_drop", "zero_shot_drop", "gap_change")
LANGUAGE_QUANTITY = "source_language_drop"  # on each language of a source of several
DOMAIN_QUANTITIES = ("domain_drop", "domain_gap_change")  # on other corpora of the source's language
_Scores = dict[str, dict[int, float]]  # target -> seed -> score
MEAN = "mean"  # the target that stands for the mean over the zero-shot targets

WHERE = (*SETTING, "sweep", *ABLATION, "options", "quantity", "target")
PAIRED_COLUMNS = (
    *WHERE, "seed", "scale", "reference", "ablated", "effect", "score", "floor", "n", "n_targets",
    "n_dropped",
)  # fmt: skip


@dataclass(frozen=True)
class _Side:
    """The scores of one ablation, by target.

    Attributes:
        values: On the scale, by seed.
        scores: As fractions, by seed.
        sizes: Items behind one seed's score.
        floors: What the commonest answer alone would score; missing where that is not known.
    """

    values: _Scores
    scores: _Scores
    sizes: Mapping[str, int]
    floors: Mapping[str, float]


def pairs_of_effects(pairs: pd.DataFrame) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """Gather the rows of ``paired`` that one effect is the mean of, in their order."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    # Column by column: as to_dict("records") does it, it is most of the time that the tests take.
    names = list(map(str, pairs.columns))
    for cells in zip(*(pairs[name].astype(object).tolist() for name in pairs.columns), strict=True):
        row = dict(zip(names, cells, strict=True))
        groups.setdefault(tuple(row[name] for name in WHERE), []).append(row)
    return groups


def paired(
    frame: pd.DataFrame,
    metric: str | None = None,
    *,
    split: str | None = None,
    incomplete: Literal["raise", "drop"] = "raise",
    scale: Scale = POINTS,
) -> pd.DataFrame:
    """Return the difference of each ablation from its baseline for every seed, not averaged.

    Takes the arguments of ``sensitivity`` and raises what it raises.
    """
    scores = comparable_scores(frame, metric, split)
    scores = scaled(scores[scores["value"].notna()], check_scale(scale))
    _check_unique(scores)
    ablated = scores[scores["ablation"] != BASELINE]
    ablated = ablated.assign(sweep=sweep_names(ablated))
    baselines = dict(iter(scores[scores["ablation"] == BASELINE].groupby(list(SETTING), sort=False)))
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    for setting, part in ablated.groupby(list(SETTING), sort=False):
        baseline, name = baselines.get(setting), _setting_name(setting)
        if baseline is None:
            alone = list(dict.fromkeys(part["ablation"]))
            names = ", ".join(alone[:3]) + (f" and {len(alone) - 3} more" if len(alone) > 3 else "")
            notes.append(f"{name}: no baseline (ablation {BASELINE!r}), so {names} cannot be compared")
            continue
        reference = _side(baseline)
        for ablation, runs in part.groupby(["sweep", *ABLATION], sort=False, dropna=False):
            where = dict(zip((*SETTING, "sweep", *ABLATION), (*setting, *ablation), strict=True))
            where |= {"options": runs["options"].iloc[0], "scale": scale}
            found = [where | row for row in _compare(reference, _side(runs), str(where["source"]))]
            if not found:
                seeds = f"{_seeds(baseline['seed'])} against {_seeds(runs['seed'])}"
                notes.append(f"{name}: {where['ablation']} has no seed in common with the baseline ({seeds})")
            rows += found
    if notes and incomplete == "raise":
        raise RecordsError("ablations that cannot be paired with a baseline:\n" + "\n".join(notes))
    pairs = typed(pd.DataFrame(rows, columns=list(PAIRED_COLUMNS)))
    pairs.attrs["notes"] = notes
    return pairs


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the columns of pairs or effects their types, also where there is no row."""
    numbers = ("reference", "ablated", "effect", "low", "high", "reference_low", "reference_high")
    kinds = dict.fromkeys((*numbers, "score", "floor"), "float64")
    kinds |= dict.fromkeys(("first_layer", "last_layer"), "Int64")
    kinds |= dict.fromkeys(("seed", "n", "n_targets", "n_dropped", "n_seeds"), "int64")
    return frame.astype({name: kinds.get(name, "str") for name in frame.columns})


def _wanted(reference: _Side, ablated: _Side, source: str) -> Iterator[tuple[str, str, list[str], list[str]]]:
    """Yield quantity, target, the targets that it is the mean of and, for gaps, those of the source."""
    targets = [name for name in sorted(reference.values) if name in ablated.values]
    zero_shot, domains = zero_shot_targets(targets, source), domain_targets(targets, source)
    groups = {name: [name] for name in zero_shot} | ({MEAN: zero_shot} if zero_shot else {})
    own = own_targets(targets, source)
    if own:
        yield "source_drop", source, own, []
    if len(own) > 1:
        yield from ((LANGUAGE_QUANTITY, name, [name], []) for name in own)
    yield from (("zero_shot_drop", name, members, []) for name, members in groups.items())
    if own:
        yield from (("gap_change", name, members, own) for name, members in groups.items())
    drop, change = DOMAIN_QUANTITIES
    yield from ((drop, name, [name], []) for name in domains)
    if own:
        yield from ((change, name, [name], own) for name in domains)


def _compare(reference: _Side, ablated: _Side, source: str) -> Iterator[dict[str, Any]]:
    """Compare the scores of two ablations in every quantity, seed by seed."""
    both = (reference.values, ablated.values)
    everyone = {seed for values in both for by_seed in values.values() for seed in by_seed}
    for quantity, target, members, own in _wanted(reference, ablated, source):
        needed = [*members, *own]
        seeds = set.intersection(*(set(values[name]) for values in both for name in needed))
        same = {"n": sum(ablated.sizes[name] for name in members), "n_targets": len(members)}
        same |= {"n_dropped": len(everyone) - len(seeds)}
        floor = fmean(reference.floors[name] for name in members)
        for seed in sorted(seeds):
            before, after = (_mean(values, members, seed) for values in both)
            if own:
                before, after = _mean(both[0], own, seed) - before, _mean(both[1], own, seed) - after
            effect = after - before if own else before - after
            row = {"quantity": quantity, "target": target, "seed": seed}
            row |= {"reference": before, "ablated": after, "effect": effect}
            yield row | same | {"score": _mean(reference.scores, members, seed), "floor": floor}


def _mean(values: _Scores, targets: Sequence[str], seed: int) -> float:
    if len(targets) == 1:
        return values[targets[0]][seed]
    return fmean([values[target][seed] for target in targets])


def _side(rows: pd.DataFrame) -> _Side:
    """Gather the scores of one ablation."""
    values: _Scores = {}
    scores: _Scores = {}
    columns = (rows[name] for name in ("target", "seed", "value", "score"))
    for target, seed, value, score in zip(*columns, strict=True):
        values.setdefault(str(target), {})[int(seed)] = float(value)
        scores.setdefault(str(target), {})[int(seed)] = float(score)
    sizes = rows.groupby("target")["n"].max().fillna(0)
    floors = rows.groupby("target")["floor"].max()
    return _Side(
        values,
        scores,
        {str(target): int(size) for target, size in sizes.items()},
        {str(target): float(floor) for target, floor in floors.items()},
    )


def _check_unique(scores: pd.DataFrame) -> None:
    """Refuse two runs with the same coordinates, whose mean would hide what tells them apart."""
    key = [*SETTING, "ablation", "phase", "intervention", "layers", "target", "seed"]
    twice = scores[scores.duplicated(key, keep=False)]
    if len(twice):
        row = twice.iloc[0]
        ids = sorted(set(twice[(twice[key] == row[key]).all(axis=1)]["run_id"]))
        raise RecordsError(
            f"{_setting_name(tuple(row[list(SETTING)]))}: {row['ablation']}, target {row['target']}, seed "
            f"{row['seed']} was recorded by several runs ({', '.join(ids)}); load one study at a time, or "
            "only the runs of the current plan"
        )


def _setting_name(setting: tuple[Any, ...]) -> str:
    named = dict(zip(SETTING, setting, strict=True))
    study = f"study {named['study']}, " if named["study"] else ""
    return f"{study}{named['model']}, {named['task']} from {named['source']}"


def _seeds(values: Any) -> str:
    return "seeds " + ", ".join(str(int(seed)) for seed in sorted(set(values)))
