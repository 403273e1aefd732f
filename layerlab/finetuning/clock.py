"""The clock of a fine-tuning: fires ``during`` interventions at their fraction of the steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from layerlab.ablation.ablation import Timed
from layerlab.ablation.apply import apply
from layerlab.ablation.callback import due
from layerlab.ablation.interventions import changes_output, is_standing
from layerlab.ablation.interventions.donors import Donors
from layerlab.finetuning.model import TaskModel


@dataclass(frozen=True)
class Clock:
    """Interventions with their time, and the model that they change.

    An intervention with ``at=0.5`` fires before the first step that has at least half of all steps behind
    it. Weights written in mid-training keep the optimiser's moments of the weights they replace.

    Attributes:
        during: Interventions with their time.
        model: Encoder and head.
        donors: Where weights come from.
        n_steps: Optimiser steps in all.
    """

    during: Sequence[Timed]
    model: TaskModel
    donors: Donors | None
    n_steps: int

    def fire(self, step: int) -> tuple[list[dict[str, Any]], bool]:
        """Apply what is due before a 0-based step.

        Returns:
            What was touched, and whether the model now computes something else (it may only train otherwise).
        """
        receipts, changed = [], False
        before = None if step == 0 else (step - 1) / self.n_steps
        for timed in due(self.during, before, step / self.n_steps):
            receipt = apply(timed.intervention, self.model.layers, donors=self.donors)
            receipts.append({"step": step, "at": timed.at, **receipt.to_dict()})
            changed = changed or changes_output(timed.intervention)
        return receipts, changed

    def restore(self, step: int) -> None:
        """Re-establish what had fired before ``step`` and stands: freezes, rates and skips.

        A resumed fit has weights that were edited in its checkpoint already.
        """
        if step == 0:
            return
        for timed in due(self.during, None, (step - 1) / self.n_steps):
            if is_standing(timed.intervention):
                apply(timed.intervention, self.model.layers, donors=self.donors, allow_no_effect=True)
