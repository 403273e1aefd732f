"""The hierarchical bootstrap of a study: intervals of its effects over seeds and test sentences together."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from layerlab.analysis.effects.scales import POINTS, Scale
from layerlab.analysis.effects.sensitivity import ABLATION, MEAN, SETTING
from layerlab.analysis.significance.effects import significance
from layerlab.errors import RecordsError
from layerlab.targets import sources_of

#: Resamples for a table: the ends of its intervals are then stable to a few hundredths of their width.
DRAWN = 1999


def hierarchical_bootstrap(
    frame: pd.DataFrame,
    counts: pd.DataFrame,
    metric: str | None = None,
    *,
    incomplete: Literal["raise", "drop"] = "raise",
    scale: Scale = POINTS,
    margin: float | None = None,
    resamples: int = DRAWN,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare every ablation with its baseline, with intervals over seeds and test sentences.

    A resample draws seeds, and for each target one set of its sentences that baseline and ablated runs of all
    seeds are scored on; so differences stay paired by seed and by sentence.
    ``layerlab.analysis.effects.sensitivity`` and its t intervals take the test sentences as given.

    Args:
        frame: Tidy records.
        counts: What ``layerlab.analysis.sentences.counts.load_counts`` gives, of all runs of the frame.
        metric: As in ``sensitivity``.
        incomplete: As in ``sensitivity``.
        scale: As in ``sensitivity``.
        margin: As in ``significance``.
        resamples: How many to draw.
        seed: Of what is drawn.

    Returns:
        The frame of ``significance`` in which ``low`` to ``high`` is the 95% percentile interval of the
        bootstrap, and besides it ``n_resamples`` and ``n_sentences``, summed over the targets of a mean.

    Raises:
        RecordsError: As ``significance``, or runs without counts.

    Reference: Davison and Hinkley (1997), "Bootstrap Methods and their Application", section 3.8.
    """
    effect = significance(
        frame,
        metric,
        incomplete=incomplete,
        scale=scale,
        margin=margin,
        sentences=counts,
        resamples=resamples,
        seed=seed,
    )
    _require_counts(effect)
    found = effect.assign(
        n_resamples=resamples, n_sentences=_count_sentences(effect, counts), low=effect["boot_low"],
        high=effect["boot_high"], interval="bootstrap",
    )  # fmt: skip
    found.attrs.update(effect.attrs)
    return found


def _count_sentences(effect: pd.DataFrame, counts: pd.DataFrame) -> pd.Series[int]:
    """Count the sentences behind each effect: of a mean, or a source of several languages, all of them."""
    sizes = counts.groupby(["study", "target"], observed=True)["sentence"].nunique().to_dict()
    found = pd.Series(0, index=effect.index)
    for place, study, target in zip(effect.index, effect["study"], effect["target"], strict=True):
        languages = [target] if (study, target) in sizes else sources_of(target)
        found[place] = sum(sizes.get((study, name), 0) for name in languages)
    for _, part in effect.groupby([*SETTING, *ABLATION], sort=False, dropna=False):
        own = part[(part["quantity"] == "zero_shot_drop") & (part["target"] != MEAN)]
        found[part.index[part["target"] == MEAN]] = int(found[own.index].sum())
    return found


def _require_counts(effect: pd.DataFrame) -> None:
    """Refuse effects of which some could not be resampled over sentences."""
    bare = effect[~effect["resampled"].str.contains("sentences")]
    if len(bare):
        row = bare.iloc[0]
        raise RecordsError(
            f"{len(bare)} of {len(effect)} effects have runs without counts of sentences, the first: "
            f"{row['ablation']}, {row['task']} from {row['source']}, target {row['target']}; runs of older "
            "versions have none. Remove their folders in runs/ and run the study again: its fits are kept"
        )
