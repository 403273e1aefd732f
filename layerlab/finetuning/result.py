"""What a fine-tuning gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FitResult:
    """What a fine-tuning gave; the model holds the selected epoch's weights, or the mean of the last ones.

    Attributes:
        history: One entry an epoch: epoch, loss, dev scores, seconds.
        best_epoch: 0-based epoch whose weights were kept; of a mean the last one in it.
        n_steps: Optimiser steps in all.
        seconds: Time spent in training, without loading, over all resumed parts.
        receipts: What the ``during`` interventions touched.
        resumed_at: The step at which this process took the fit up; 0 for a new one.
        averaged: Epochs in the mean of weights that was kept, and its dev scores; None where one epoch was.
        points: Those of the trajectory, as ``layerlab.finetuning.trajectory.note_point`` notes them; None
            where it was not recorded from the first step on.
        first_epoch: The first epoch that might be kept.
        watching_seconds: Time that the points took, over all resumed parts.
    """

    history: list[dict[str, Any]]
    best_epoch: int
    n_steps: int
    seconds: float
    receipts: list[dict[str, Any]]
    resumed_at: int
    averaged: dict[str, Any] | None = None
    points: list[dict[str, Any]] | None = None
    first_epoch: int = 0
    watching_seconds: float = 0.0
