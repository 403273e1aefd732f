"""The note under a table: what its numbers are and how many seeds and items are behind them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from layerlab.analysis.inference import EXACT_SEEDS
from layerlab.analysis.sensitivity import MEAN
from layerlab.analysis.significance import LEVEL, seed_warning
from layerlab.report.style.captions import count, spread
from layerlab.report.style.panels import Panel

_TRUSTED = 8  # seeds from which a bootstrap over them is nearly as wide as it should be

Parts = Sequence[tuple[Panel, pd.DataFrame]]


def describe(parts: Parts, quantities: Sequence[str]) -> str:
    """Describe some quantities of panels on the source and the mean of targets: metric, seeds, tests."""
    shown = pd.concat([part[part["quantity"].isin(quantities)] for _, part in parts])
    shown = shown[(shown["quantity"] == "source_drop") | (shown["target"] == MEAN)]
    metrics = [f"{panel.metric_words} for {panel.task_words}" for panel, _ in parts]
    points_of = f"Points of {', '.join(dict.fromkeys(metrics))} on the {parts[0][0].split} split"
    seeds = f"{points_of}, paired by seed; {_seeds(shown)}"
    return " ".join(
        filter(None, [seeds, _sentences(shown), _tests(shown, parts), _items(parts), _targets(parts)])
    )


def describe_domains(panel: Panel, part: pd.DataFrame) -> str:
    """Describe the numbers of a panel on the source and on other corpora of its language, and no others."""
    own = part[part["quantity"] == "source_drop"]
    others = part[part["quantity"] == "domain_drop"]
    metric = f"{panel.metric_words} for {panel.task_words}"
    seeds = f"Points of {metric} on the {panel.split} split, paired by seed; {_seeds(part)}"
    sizes = pd.concat([own, others]).drop_duplicates("target")
    counts = [f"{int(n):,} in {target}" for target, n in zip(sizes["target"], sizes["n"], strict=True)]
    items = f"Items scored per seed: {', '.join(counts)}."
    tests = _tests(part, [(panel, part)], "corpora")
    return " ".join(filter(None, [seeds, _sentences(part), tests, items]))


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


def _seeds(shown: pd.DataFrame) -> str:
    most, text = int(shown["n_seeds"].max()), seeds_counted(shown["n_seeds"])
    if "n_resamples" in shown.columns:
        pass  # the next sentence describes these intervals
    elif most == 1:
        text += ": no interval"
    else:
        text += f", 95% t intervals at most ±{100 * float((shown['high'] - shown['effect']).max()):.1f}"
    if dropped := int(shown["n_dropped"].max()):
        text += f"; up to {count(dropped, 'unpaired seed')} left out"
    return f"{text}."


def _sentences(shown: pd.DataFrame) -> str:
    """Describe intervals over seeds and sentences; empty for other intervals."""
    if "n_resamples" not in shown.columns:
        return ""
    seeds = int(shown["n_seeds"].max())
    what = "seeds and of test sentences" if seeds > 1 else "test sentences (one seed, treated as fixed)"
    text = (
        f"In brackets: 95% percentile intervals of {int(shown['n_resamples'].max()):,} joint resamples of "
        f"{what}, the same sentences for baseline and ablated runs of all seeds; "
        f"{spread(shown['n_sentences'])} sentences behind a number."
    )
    if 1 < seeds < _TRUSTED:
        text += f" Resampling only {seeds} seeds understates how much they differ."
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
