"""Several studies in one frame: their records beside each other, and what sets their settings apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from layerlab.analysis.effects.sweeps import select_scores
from layerlab.errors import RecordsError

#: Settings that change no number, and one that tables show.
_LEFT_OUT = ("name", "description", "ablations")


@dataclass(frozen=True)
class Difference:
    """A setting that is not the same in all studies.

    Attributes:
        key: Its path in the study file, such as ``training.epochs``.
        values: What each study has, in their order; None where it is not set.
    """

    key: str
    values: tuple[Any, ...]


def differences(settings: Mapping[str, Mapping[str, Any]]) -> list[Difference]:
    """Return the settings that are not the same in all studies, in the order of their files.

    Args:
        settings: The study file of each study as plain values, by label.

    >>> differences({"a": {"training": {"epochs": 3}}, "b": {"training": {"epochs": 5}, "keep": "all"}})
    [Difference(key='training.epochs', values=(3, 5)), Difference(key='keep', values=(None, 'all'))]
    """
    flat = [dict(_flatten(one, "")) for one in settings.values()]
    keys = dict.fromkeys(key for one in flat for key in one if key not in _LEFT_OUT)
    found = (Difference(key, tuple(one.get(key) for one in flat)) for key in keys)
    return [one for one in found if any(value != one.values[0] for value in one.values)]


def side_by_side(frames: Mapping[str, pd.DataFrame], metric: str | None = None) -> pd.DataFrame:
    """Put the scores of several studies into one frame, in which each study has the name of its label.

    Only tasks and sources that at least two of them share are kept, and of these the targets that all of them
    share, so that means are over the same languages.

    Args:
        frames: Tidy records by label.
        metric: The metric of scores; None for each task's own.

    Returns:
        Tidy records; ``attrs["notes"]`` says what was left out.

    Raises:
        RecordsError: There are fewer than two studies, or they share no task and source.
    """
    if len(frames) < 2:
        raise RecordsError(f"expected at least two studies to compare, got {', '.join(frames) or 'none'}")
    scores = pd.concat(
        [select_scores(frame, metric).assign(study=label) for label, frame in frames.items()],
        ignore_index=True,
    )
    parts, notes = [], []
    for (task, source), rows in scores.groupby(["task", "source"], sort=False):
        targets = {label: set(part["target"]) for label, part in rows.groupby("study", sort=False)}
        if len(targets) < 2:
            notes.append(f"{task} from {source} is in {next(iter(targets))} alone")
            continue
        shared = set.intersection(*targets.values())
        if left := sorted(set.union(*targets.values()) - shared):
            notes.append(f"{task} from {source}: targets that not all have are left out ({', '.join(left)})")
        parts.append(rows[rows["target"].isin(shared)])
    if not parts:
        settings = "; ".join(
            f"{label} has {_tasks(part)}" for label, part in scores.groupby("study", sort=False)
        )
        raise RecordsError(f"the studies share no task and source: {settings}")
    found = pd.concat(parts, ignore_index=True)
    found.attrs["notes"] = notes
    return found


def _tasks(scores: pd.DataFrame) -> str:
    pairs = sorted(set(zip(scores["task"], scores["source"], strict=True)))
    return ", ".join(f"{task} from {source}" for task, source in pairs)


def _flatten(value: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flatten(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item
