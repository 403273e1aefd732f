"""How much each ablation costs: baseline against ablated, paired by seed.

The quantities are each a fraction and positive where the ablation hurts:

- ``source_drop``: baseline minus ablated score on the source language;
- ``zero_shot_drop``: the same on a language without training data, and on their mean (target ``"mean"``);
- ``gap_change``: ablated minus baseline transfer gap, where the gap is the source's score minus the target's;
  it is the zero-shot drop beyond the source's own.

The score on a source of several languages (``en+fr``) is the mean of their scores; each of them also has a
``source_language_drop``.

Other corpora of the source's language (``en:GUM``) test a change of domain, not of language: they have the
quantities ``domain_drop`` and ``domain_gap_change`` instead, and enter no mean.

A run and its baseline with the same seed differ by the ablation alone, so every difference is taken within a
seed first; means over targets also, then everything is averaged over seeds.

Reference: Muller, Elazar, Sagot, Seddah (2021), "First Align, then Predict".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import fmean, stdev
from typing import Any, Literal

import pandas as pd
from scipy.special import stdtrit

from layerlab.analysis.records import BASELINE
from layerlab.analysis.sweeps import select_scores, sweep_names
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

_WHERE = (*SETTING, "sweep", *ABLATION, "options", "quantity", "target")
PAIRED_COLUMNS = (*_WHERE, "seed", "reference", "ablated", "effect", "n", "n_targets", "n_dropped")
EFFECT_COLUMNS = (
    *_WHERE, "reference", "ablated", "effect", "low", "high", "n_seeds", "seeds", "n_dropped", "n",
    "n_targets",
)  # fmt: skip


def sensitivity(
    frame: pd.DataFrame,
    metric: str | None = None,
    *,
    split: str | None = None,
    incomplete: Literal["raise", "drop"] = "raise",
) -> pd.DataFrame:
    """Compare every ablation with its baseline, paired by seed, with 95% intervals over seeds.

    Args:
        frame: Tidy records.
        metric: The metric; none means each task's main one.
        split: The split; none means ``test`` where there is one.
        incomplete: What to do about an ablation without a baseline of the same setting, or without a seed in
            common with it: ``"raise"``, or ``"drop"`` it and say so in ``attrs["notes"]``.

    Returns:
        One row per setting x ablation x quantity x target: ``reference`` (the baseline's mean over the paired
        seeds; for ``gap_change`` the baseline's gap), ``ablated``, ``effect``, the t interval ``low`` to
        ``high`` (missing for one seed), ``n_seeds``, ``seeds`` ("0,1,2"), ``n_dropped`` (seeds that one side
        lacks), ``n`` (items behind one seed's score, summed over the targets of a mean), ``n_targets``;
        ``sweep``: a sweep over layers, or ``named ablations``; and ``options``: what the ablation does.
        ``attrs["notes"]`` lists what was dropped.

    Raises:
        RecordsError: Ablations without a baseline, one run recorded twice, or an unknown metric or split.
    """
    return average_pairs(paired(frame, metric, split=split, incomplete=incomplete))


def average_pairs(
    pairs: pd.DataFrame, groups: Mapping[tuple[Any, ...], list[dict[str, Any]]] | None = None
) -> pd.DataFrame:
    """Average what ``paired`` gives over seeds: one row per effect, in the order of ``pairs_of_effects``.

    ``groups`` is what that gives, if it is known already.
    """
    rows = []
    for where, members in (pairs_of_effects(pairs) if groups is None else groups).items():
        low, high = t_interval([row["effect"] for row in members])
        means = {name: fmean(row[name] for row in members) for name in ("reference", "ablated", "effect")}
        seeds = {"n_seeds": len(members), "seeds": ",".join(str(row["seed"]) for row in members)}
        same = {name: members[0][name] for name in ("n_dropped", "n", "n_targets")}
        named = dict(zip(_WHERE, where, strict=True))
        rows.append(named | means | {"low": low, "high": high} | seeds | same)
    effect = _typed(pd.DataFrame(rows, columns=list(EFFECT_COLUMNS)))
    effect.attrs["notes"] = pairs.attrs["notes"]
    return effect


def pairs_of_effects(pairs: pd.DataFrame) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """Gather the rows of ``paired`` that one effect is the mean of, in their order."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    # Column by column: as to_dict("records") does it, it is most of the time that the tests take.
    names = list(map(str, pairs.columns))
    for cells in zip(*(pairs[name].astype(object).tolist() for name in pairs.columns), strict=True):
        row = dict(zip(names, cells, strict=True))
        groups.setdefault(tuple(row[name] for name in _WHERE), []).append(row)
    return groups


def paired(
    frame: pd.DataFrame,
    metric: str | None = None,
    *,
    split: str | None = None,
    incomplete: Literal["raise", "drop"] = "raise",
) -> pd.DataFrame:
    """Return the difference of each ablation from its baseline for every seed, not averaged.

    Takes the arguments of ``sensitivity`` and raises what it raises.
    """
    scores = select_scores(frame, metric, split)
    scores = scores[scores["value"].notna()]
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
        reference = _by_seed(baseline)
        for ablation, runs in part.groupby(["sweep", *ABLATION], sort=False, dropna=False):
            where = dict(zip((*SETTING, "sweep", *ABLATION), (*setting, *ablation), strict=True))
            where["options"] = runs["options"].iloc[0]
            compared = _compare(reference, _by_seed(runs), str(where["source"]), _sizes(runs))
            found = [where | row for row in compared]
            if not found:
                seeds = f"{_seeds(baseline['seed'])} against {_seeds(runs['seed'])}"
                notes.append(f"{name}: {where['ablation']} has no seed in common with the baseline ({seeds})")
            rows += found
    if notes and incomplete == "raise":
        raise RecordsError("ablations that cannot be paired with a baseline:\n" + "\n".join(notes))
    pairs = _typed(pd.DataFrame(rows, columns=list(PAIRED_COLUMNS)))
    pairs.attrs["notes"] = notes
    return pairs


def t_interval(values: list[float], level: float = 0.95) -> tuple[float, float]:
    """Return the t interval of a mean; missing for fewer than two values.

    >>> low, high = t_interval([1.0, 2.0, 3.0])
    >>> f"{low:.3f} {high:.3f}"
    '-0.484 4.484'
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    mean, error = fmean(values), stdev(values) / len(values) ** 0.5
    half = float(stdtrit(len(values) - 1, 0.5 + level / 2)) * error
    return mean - half, mean + half


def transfer_gap(frame: pd.DataFrame, metric: str | None = None, *, split: str | None = None) -> pd.DataFrame:
    """Return the transfer gap of every run: the score on the source minus that on each target.

    Takes the arguments of ``sensitivity``; runs that were not scored on their source have no gap.

    Returns:
        One row per run and zero-shot target, with ``source_value``, ``target_value`` and ``gap``.
    """
    scores = select_scores(frame, metric, split)
    run = [*SETTING, *ABLATION, "seed", "run_id"]
    on_source = _on_source(scores)
    zero_shot = {
        key: zero_shot_targets(sorted(set(part["target"])), str(key[1]))
        for key, part in scores.groupby(["study", "source"])
    }
    places = zip(scores["study"], scores["source"], scores["target"], strict=True)
    across = [target in zero_shot[study, source] for study, source, target in places]
    gaps = scores[across][[*run, "target", "value"]].rename(columns={"value": "target_value"})
    gaps = gaps.merge(on_source, on=["study", "run_id", "metric"])
    gaps["gap"] = gaps["source_value"] - gaps["target_value"]
    return gaps[[*run, "target", "source_value", "target_value", "gap"]]


def _on_source(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the score on the source, ``source_value``, of every run that was scored on all of it."""
    found = []
    for source, part in scores.groupby("source", sort=False):
        own = own_targets(set(part["target"]), str(source))
        rows = part[part["target"].isin(own)].groupby(["study", "run_id", "metric"], sort=False)["value"]
        means = rows.agg(source_value="mean", n_targets="size").reset_index()
        found.append(means[means["n_targets"] == len(own)].drop(columns="n_targets"))
    return pd.concat(found)


def aggregate(frame: pd.DataFrame) -> pd.DataFrame:
    """Average records over seeds: ``mean``, ``sd`` (n - 1; missing for one seed) and ``n_seeds``."""
    keys = [*SETTING, *ABLATION, "target", "layer"]
    groups = frame.groupby(keys, sort=False, dropna=False)
    return groups.agg(mean=("value", "mean"), sd=("value", "std"), n_seeds=("seed", "nunique")).reset_index()


def _compare(
    reference: _Scores, ablated: _Scores, source: str, sizes: dict[str, int]
) -> Iterator[dict[str, Any]]:
    """Compare the scores of two ablations in every quantity, seed by seed."""
    everyone = {seed for scores in (reference, ablated) for by_seed in scores.values() for seed in by_seed}
    targets = [name for name in sorted(reference) if name in ablated]
    zero_shot, domains = zero_shot_targets(targets, source), domain_targets(targets, source)
    groups = {name: [name] for name in zero_shot} | ({MEAN: zero_shot} if zero_shot else {})
    own = own_targets(targets, source)
    wanted = [("source_drop", source, own)] if own else []
    wanted += [(LANGUAGE_QUANTITY, name, [name]) for name in own if len(own) > 1]
    wanted += [("zero_shot_drop", name, members) for name, members in groups.items()]
    if own:
        wanted += [("gap_change", name, members) for name, members in groups.items()]
    for quantity in DOMAIN_QUANTITIES[: 2 if own else 1]:
        wanted += [(quantity, name, [name]) for name in domains]
    for quantity, target, members in wanted:
        of_gap = quantity.endswith("gap_change")
        needed = [*members, *own] if of_gap else members
        seeds = set.intersection(*(set(scores[name]) for scores in (reference, ablated) for name in needed))
        size = {"n": sum(sizes[name] for name in members), "n_targets": len(members)}
        for seed in sorted(seeds):
            before, after = (_mean(scores, members, seed) for scores in (reference, ablated))
            if of_gap:
                before, after = _mean(reference, own, seed) - before, _mean(ablated, own, seed) - after
            effect = after - before if of_gap else before - after
            row = {"quantity": quantity, "target": target, "seed": seed}
            row |= {"reference": before, "ablated": after, "effect": effect}
            yield row | size | {"n_dropped": len(everyone) - len(seeds)}


def _mean(scores: _Scores, targets: list[str], seed: int) -> float:
    if len(targets) == 1:
        return scores[targets[0]][seed]
    return fmean([scores[target][seed] for target in targets])


def _by_seed(scores: pd.DataFrame) -> _Scores:
    """Gather the scores of one ablation."""
    found: _Scores = {}
    for target, seed, value in zip(scores["target"], scores["seed"], scores["value"], strict=True):
        found.setdefault(str(target), {})[int(seed)] = float(value)
    return found


def _sizes(scores: pd.DataFrame) -> dict[str, int]:
    sizes = scores.groupby("target")["n"].max().fillna(0)
    return {str(target): int(size) for target, size in sizes.items()}


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


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the columns their types, also where there is no row."""
    kinds = dict.fromkeys(("reference", "ablated", "effect", "low", "high"), "float64")
    kinds |= dict.fromkeys(("first_layer", "last_layer"), "Int64")
    kinds |= dict.fromkeys(("seed", "n", "n_targets", "n_dropped", "n_seeds"), "int64")
    return frame.astype({name: kinds.get(name, "str") for name in frame.columns})
