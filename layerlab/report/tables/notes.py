"""The note under a table: what its numbers are and how many seeds and items are behind them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from layerlab.analysis.effects.sensitivity import MEAN
from layerlab.analysis.significance.effects import LEVEL, seed_warning
from layerlab.analysis.significance.inference import EXACT_SEEDS
from layerlab.report.style.captions import capital, count, spread
from layerlab.report.style.caution import limit_words
from layerlab.report.style.panels import Panel
from layerlab.report.style.units import unit_of

_TRUSTED = 8  # seeds from which a bootstrap over them is nearly as wide as it should be

Parts = Sequence[tuple[Panel, pd.DataFrame]]


def describe(parts: Parts, quantities: Sequence[str], *, within: bool = False) -> str:
    """Describe some quantities of panels on the source and the mean of targets: metric, seeds, tests.

    If ``within``, also whether they are smaller than a margin.
    """
    shown = pd.concat([part[part["quantity"].isin(quantities)] for _, part in parts])
    shown = shown[(shown["quantity"] == "source_drop") | (shown["target"] == MEAN)]
    metrics = [f"{panel.metric_words} for {panel.task_words}" for panel, _ in parts]
    points_of = f"{unit_words(shown)} of {', '.join(dict.fromkeys(metrics))} on the {parts[0][0].split} split"
    seeds = f"{points_of}, paired by seed; {seeds_and_intervals(shown)}"
    limits = limit_words(pd.concat([part for _, part in parts]))
    tests = [_tests(shown, parts), equivalence_words(shown) if within else ""]
    return " ".join(filter(None, [seeds, *tests, limits, _items(parts), _targets(parts)]))


def describe_domains(panel: Panel, part: pd.DataFrame) -> str:
    """Describe the numbers of a panel on the source and on other corpora of its language, and no others."""
    own = part[part["quantity"] == "source_drop"]
    others = part[part["quantity"] == "domain_drop"]
    metric = f"{panel.metric_words} for {panel.task_words}"
    points_of = f"{unit_words(part)} of {metric} on the {panel.split} split"
    seeds = f"{points_of}, paired by seed; {seeds_and_intervals(part)}"
    sizes = pd.concat([own, others]).drop_duplicates("target")
    counts = [f"{int(n):,} in {target}" for target, n in zip(sizes["target"], sizes["n"], strict=True)]
    items = f"Items scored per seed: {', '.join(counts)}."
    tests = _tests(part, [(panel, part)], "corpora")
    return " ".join(filter(None, [seeds, tests, limit_words(part), items]))


def _tests(shown: pd.DataFrame, parts: Parts, columns: str = "") -> str:
    """Describe the tests and their result; empty for effects that were not tested.

    A family spans the ablations and, where they are given, the columns.
    """
    if "q" not in shown.columns:
        return ""
    most, done = int(shown["n_seeds"].max()), shown[shown["q"].notna()]
    if done.empty:
        return seed_warning(most)
    largest = int(done["n_tests"].max())
    family = f"tests (ablations x {columns})" if columns else ("ablation", "ablations")[largest > 1]
    every = "each quantity" if len(parts) == 1 else "each task, source and quantity"
    text = (
        "Each difference was tested with a sign-flip test over seeds (two-sided, "
        f"{'exact' if most <= EXACT_SEEDS else 'with random flips'}), controlling the false discovery rate "
        f"over the {spread(done['n_tests'])} {family} of {every} (Benjamini-Hochberg)"
    )
    if warning := seed_warning(most, largest):
        return f"{text}. {warning}"
    return f"{text}: {significant_words(done)}."


def significant_words(tested: pd.DataFrame) -> str:
    """Say how many of the tested effects are significant."""
    return f"{int((tested['q'] <= LEVEL).sum())} of {len(tested)} have q ≤ {f'{LEVEL:g}'.lstrip('0')}"


def seeds_counted(counts: pd.Series[int]) -> str:
    """Write how many seeds are behind some numbers.

    >>> seeds_counted(pd.Series([2, 3])), seeds_counted(pd.Series([3, 3]))
    ('n seeds = 2 to 3', 'n seeds = 3')
    """
    return f"n seeds = {spread(counts)}"


def unit_words(effect: pd.DataFrame) -> str:
    """Name the unit of some effects at the beginning of a sentence."""
    return capital(unit_of(effect).words)


def equivalence_words(shown: pd.DataFrame) -> str:
    """Say how many effects were shown to be smaller than the margin; empty where that was not tested."""
    if "p_equivalent" not in shown.columns or shown["p_equivalent"].isna().all():
        return ""
    done = shown[shown["p_equivalent"].notna()]
    margin = unit_of(shown).margin(float(done["margin"].iloc[0]))
    n_small, level = int((done["p_equivalent"] <= LEVEL).sum()), f"{LEVEL:g}".lstrip("0")
    return (
        f"No more than {margin}: {n_small} of {len(done)} have p ≤ {level} in two one-sided t tests over "
        "seeds (the second p value; not corrected for their number). Where neither p value is small, the "
        "seeds decide nothing."
    )


def seeds_and_intervals(shown: pd.DataFrame) -> str:
    """Write how many seeds are behind some effects, and what their intervals are."""
    text = seeds_counted(shown["n_seeds"])
    there = shown[shown["low"].notna()]
    if there.empty:
        text += ": no interval"
    else:
        text += _intervals(there)
    if dropped := int(shown["n_dropped"].max()):
        text += f"; up to {count(dropped, 'unpaired seed')} left out"
    return f"{text}."


def _intervals(there: pd.DataFrame) -> str:
    """Describe the intervals of effects, and how wide they are at most."""
    unit, kinds = unit_of(there), set(there["interval"])
    if "bootstrap" in kinds:
        seeds = int(there["n_seeds"].max())
        what = "seeds and of test sentences" if seeds > 1 else "test sentences (one seed, treated as fixed)"
        resamples = int(there["n_resamples"].max())
        text = (
            f". In brackets: 95% percentile intervals of {resamples:,} joint resamples of {what}, the same "
            "sentences for baseline and ablated runs of all seeds; "
            f"{spread(there['n_sentences'])} sentences behind a number"
        )
        few = f". Resampling only {seeds} seeds understates how much they differ"
        return text + few * (1 < seeds < _TRUSTED)
    widest = unit.show(unit.factor * float((there["high"] - there["effect"]).max()))
    if kinds == {"t"}:
        return f", 95% t intervals at most ±{widest}"
    over = there[there["interval"] == "hierarchical"]
    text = (
        f", 95% intervals over seeds and test sentences at most ±{widest} "
        f"({spread(over['n_sentences'])} sentences behind a number; scores of the baseline: t intervals over "
        "seeds)"
    )
    if rest := len(there) - len(over):
        text += f", of {rest} numbers without counts of sentences over seeds alone"
    return text


def _items(parts: Parts) -> str:
    """Count the scored items of each task, on the source and on the zero-shot targets."""
    texts = []
    for panel, part in parts:
        own = part[part["quantity"] == "source_drop"]
        mean = part[(part["quantity"] == "zero_shot_drop") & (part["target"] == MEAN)]
        counts = [f"{int(own['n'].max()):,} in {panel.source}"] if len(own) else []
        counts += [f"{int(mean['n'].max()):,} in X"] if len(mean) else []
        texts.append(f"{panel.task_words} {', '.join(counts)}")
    return f"Items scored per seed: {'; '.join(texts)}."


def _targets(parts: Parts) -> str:
    """List the languages that X stands for, once if they are the same everywhere."""
    others = {}
    for panel, part in parts:
        targets = sorted(set(part[part["quantity"] == "zero_shot_drop"]["target"]) - {MEAN})
        if targets:
            others[panel.title] = ", ".join(targets)
    if len(set(others.values())) == 1:
        return f"X = {next(iter(others.values()))}."
    return " ".join(f"X of {name} = {targets}." for name, targets in others.items())
