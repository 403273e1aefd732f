"""Baselines that limit what an effect says: next to the ceiling, or not above the floor.

Next to the ceiling a point is a large share of the errors that are left; below the floor, which answering the
commonest label everywhere reaches, there is nothing to lose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd

from layerlab.analysis.effects.pairing import MEAN, SETTING

#: Above it an effect in points is not comparable with one further down.
CEILING: Final = 0.98

_DROPS = ("source_drop", "source_language_drop", "zero_shot_drop", "domain_drop")


@dataclass(frozen=True)
class Limit:
    """One baseline at a limit.

    Attributes:
        model: The model.
        task: The task.
        metric: What the score is.
        source: Language of fine-tuning.
        target: Language of the score.
        score: The baseline's, a fraction.
        floor: What the commonest answer alone would score, for a baseline that is not above it; None for one
            next to the ceiling.
    """

    model: str
    task: str
    metric: str
    source: str
    target: str
    score: float
    floor: float | None = None


def baselines_at_limits(effect: pd.DataFrame) -> list[Limit]:
    """List the baselines of effects that are above the ceiling or not above their floor, in their order.

    ``effect`` is what ``layerlab.analysis.effects.sensitivity`` gives, on either scale. Where a floor is not
    known, as in records of older versions, none is.
    """
    rows = effect[effect["quantity"].isin(_DROPS) & (effect["target"] != MEAN)]
    found = []
    for _, part in rows.groupby([*SETTING, "target"], sort=False):
        # Where seeds are missing, the baseline of the ablation with the most seeds counts.
        row = part.sort_values("n_seeds", kind="stable").iloc[-1]
        score, floor = float(row["score"]), float(row["floor"])
        low = score <= floor
        if low or score > CEILING:
            names = (str(row[name]) for name in ("model", "task", "metric", "source", "target"))
            model, task, metric, source, target = names
            found.append(Limit(model, task, metric, source, target, score, floor if low else None))
    return found
