"""Sentences on baselines at the ceiling or the floor, for notes, captions and the page."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from layerlab.analysis.effects.limits import CEILING, Limit, baselines_at_limits
from layerlab.analysis.effects.scales import POINTS
from layerlab.analysis.records.upgrade import upgrade_effects
from layerlab.names import task_name

_MOST = 12  # named in a sentence


def limit_words(effect: pd.DataFrame) -> str:
    """Warn of the baselines of some effects that are above 98% or not above the commonest answer's score.

    Empty where there is none.
    """
    return " ".join(limit_sentences(effect))


def limit_sentences(effect: pd.DataFrame) -> list[str]:
    """Warn as ``limit_words`` does, one sentence for the ceiling and one for the floor."""
    found = baselines_at_limits(upgrade_effects(effect))
    high = [one for one in found if one.floor is None]
    low = [one for one in found if one.floor is not None]
    sentences = []
    if high:
        points = "scale" not in effect.columns or set(effect["scale"]) <= {POINTS}
        ways = "points understate what is lost" if points else "log-odds rest on few errors"
        then = "; compare effects there in log-odds" * points
        sentences.append(
            f"Near the ceiling (baseline above {100 * CEILING:g}%) {ways}: {_named(high)}{then}."
        )
    if low:
        what = "Not above the floor, the score of the commonest answer, a drop means little"
        sentences.append(f"{what}: {_named(low)}.")
    return sentences


def _named(limits: Iterable[Limit]) -> str:
    """Name baselines with their scores in percent, by task and source where there are several.

    >>> _named([Limit("m", "upos", "accuracy", "en", "ar", 0.281, 0.302)])
    'ar 28.1 (floor 30.2)'
    """
    limits = list(limits)
    settings = {(one.model, one.task, one.metric, one.source) for one in limits}
    models = {one.model for one in limits}
    texts = []
    for one in limits:
        text = f"{one.target} {100 * one.score:.1f}"
        text += "" if one.floor is None else f" (floor {100 * one.floor:.1f})"
        if len(settings) > 1:
            what = (
                f"{task_name(one.task)} from {one.source}"
                if one.source != one.target
                else task_name(one.task)
            )
            text = f"{text} in {what}" + f" of {one.model}" * (len(models) > 1)
        texts.append(text)
    more = len(texts) - _MOST
    return ", ".join(texts[:_MOST]) + (f" and {more} more" if more > 0 else "")
