"""The facts of a study, as names and values: settings, hardware, cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from layerlab.analysis.effects.sweeps import in_order, select_scores
from layerlab.names import OF_LANGUAGES, metric_name, task_name
from layerlab.report.page.about import About

Facts = list[tuple[str, str]]

_PACKAGES = "version_"
_KINDS = (("pretraining", "pretrainings"), ("fit", "fine-tunings"), ("run", "evaluations"))


def settings_facts(frame: pd.DataFrame, about: About) -> Facts:
    """List a study's settings: from its records, and the data and training of its file."""
    scores = frame[frame["layer"].isna()]
    of_encoders = frame[~frame["split"].isin(OF_LANGUAGES)]
    measured = of_encoders[of_encoders["layer"].notna()]
    settings = about.settings
    facts = [
        ("Study", ", ".join(_names(frame["study"]))),
        ("Models", ", ".join(_names(frame["model"]))),
        ("Tasks", "; ".join(_task_words(scores))),
        ("Sources", ", ".join(_names(frame["source"]))),
        ("Targets", ", ".join(_names(scores["target"]))),
        ("Seeds", seeds_words(frame["seed"].dropna().unique().tolist())),
        ("Runs", _runs_words(frame, about)),
        ("Ablations", ", ".join(in_order(of_encoders))),
        ("Items scored", "; ".join(_items(frame))),
        ("Measures by layer", ", ".join(_names(measured["metric"]))),
        ("Data", plain(settings.get("data"))),
        ("Training", plain(settings.get("training"))),
    ]
    return [(name, value) for name, value in facts if value]


def machine_facts(nodes: pd.DataFrame) -> Facts:
    """List hardware, versions and time of a study's nodes; empty without nodes."""
    if nodes.empty:
        return []
    facts = [("Hardware", _distinct(nodes, "device")), ("Threads", _distinct(nodes, "threads"))]
    if "seconds" in nodes:
        seconds = pd.to_numeric(nodes["seconds"], errors="coerce")
        for kind, words in _KINDS:
            spent = seconds[nodes["kind"] == kind]
            if len(spent):
                text = f"{len(spent)} in {duration(float(spent.sum()))}, {duration(float(spent.mean()))} each"
                facts.append((words.capitalize(), text))
        facts.append(("Time in all", f"{duration(float(seconds.sum()))}, summed over processes"))
    versions = {"Python": _distinct(nodes, "python")}
    for name in map(str, nodes.columns):
        if name.startswith(_PACKAGES):
            versions[name.removeprefix(_PACKAGES)] = _distinct(nodes, name)
    facts += [
        ("Optimiser steps a fit", _range(nodes, "n_steps")),
        ("Training words a fit", _range(nodes, "n_train_words")),
        ("Versions", ", ".join(f"{name} {found}" for name, found in versions.items() if found)),
        ("Commit", _distinct(nodes, "git_commit")),
    ]
    return [(name, value) for name, value in facts if value]


def plain(value: Any) -> str:
    """Write settings of a study file in one line.

    >>> plain({"root": "data/ud", "limit": {"train": 3000, "dev": 500}, "revision": None})
    'root data/ud; limit (train 3000, dev 500)'
    >>> plain({"epochs": 3, "learning_rate": 0.001, "freeze": False})
    'epochs 3; learning rate 0.001; freeze no'
    >>> plain({"upos": {"epochs": 1, "select_by": {}}, "ner": {"epochs": 2, "head_learning_rate": None}})
    'upos (epochs 1); ner (epochs 2)'
    """
    if not isinstance(value, Mapping):
        return _inner(value)
    return "; ".join(_given(value))


def duration(seconds: float) -> str:
    """Write a time in its two largest units.

    >>> [duration(seconds) for seconds in (3.27, 75, 3725, 200000)]
    ['3.3 s', '1 min 15 s', '1 h 02 min', '55 h 33 min']
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def seeds_words(seeds: Iterable[int]) -> str:
    """List seeds, those that follow one another as a range, and count them.

    >>> seeds_words([0, 1, 2, 3, 7]), seeds_words([4])
    ('0-3, 7 (n = 5)', '4 (n = 1)')
    """
    ordered = sorted({int(seed) for seed in seeds})
    if not ordered:
        return ""
    first = [seed for seed in ordered if seed - 1 not in ordered]
    last = [seed for seed in ordered if seed + 1 not in ordered]
    texts = [f"{one}-{other}" if one < other else str(one) for one, other in zip(first, last, strict=True)]
    return f"{', '.join(texts)} (n = {len(ordered)})"


def _words(key: object) -> str:
    return str(key).replace("_", " ")


def _given(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield the settings that are given, each with its name."""
    for key, item in settings.items():
        if item not in (None, {}):
            yield f"{_words(key)} {_inner(item)}"


def _inner(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({', '.join(_given(value))})"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_inner, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _names(column: pd.Series) -> list[str]:
    return [str(name) for name in dict.fromkeys(column) if str(name)]


def _task_words(scores: pd.DataFrame) -> list[str]:
    texts = []
    for task, part in scores.groupby("task", sort=False):
        metrics = ", ".join(metric_name(name) for name in _names(part["metric"]))
        texts.append(f"{task_name(str(task))} ({metrics}; {', '.join(_names(part['split']))} split)")
    return texts


def _runs_words(frame: pd.DataFrame, about: About) -> str:
    n_runs, n_fits = frame["run_id"].nunique(), frame["fit_id"][frame["fit_id"] != ""].nunique()
    text = f"{n_runs:,} over {n_fits:,} fine-tunings"
    return f"{text}, of {about.planned:,} planned" if about.incomplete else text


def _items(frame: pd.DataFrame) -> list[str]:
    """Count for every task the scored items of each target."""
    texts = []
    for task, part in select_scores(frame).groupby("task", sort=False):
        counts = part.groupby("target", sort=False)["n"].max()
        sizes = [f"{target} {int(n):,}" for target, n in counts.items() if not pd.isna(n)]
        texts += [f"{task_name(str(task))}: {', '.join(sizes)}"] * bool(sizes)
    return texts


def _distinct(nodes: pd.DataFrame, column: str) -> str:
    """List the different values of a column."""
    if column not in nodes:
        return ""
    return ", ".join(name for name in _names(nodes[column].dropna()) if name not in ("nan", "None"))


def _range(nodes: pd.DataFrame, column: str) -> str:
    if column not in nodes:
        return ""
    numbers = pd.to_numeric(nodes[column], errors="coerce").dropna()
    if numbers.empty:
        return ""
    low, high = math.floor(numbers.min()), math.ceil(numbers.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
