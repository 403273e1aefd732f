"""The clock of a fine-tuning: fires ``during`` interventions at their fraction of the steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layerlab.ablation.ablation import Timed
from layerlab.ablation.apply import apply
from layerlab.ablation.donors import Donors
from layerlab.finetuning.model import TaskModel
from layerlab.models.encoder import Encoder


class Clock:
    """Interventions in the order of their time, and which of them have fired.

    An intervention with ``at=0.5`` fires before the first step whose number is at least half of all
    steps. Weights written in mid-training keep the optimiser's moments of the weights they replace.
    """

    def __init__(
        self, during: Sequence[Timed], model: TaskModel, donors: Donors | None, n_steps: int
    ) -> None:
        self.entries = sorted(during, key=lambda timed: timed.at)
        self.model, self.donors, self.n_steps = model, donors, n_steps
        self.n_fired = 0

    def fire(self, step: int) -> list[dict[str, Any]]:
        """Apply what is due before a 0-based step; return the receipts."""
        receipts = []
        for timed in self._due(step):
            receipt = apply(timed.intervention, Encoder(self.model.encoder), donors=self.donors)
            receipts.append({"step": step, "at": timed.at, **receipt.to_dict()})
        return receipts

    def restore(self, step: int) -> None:
        """Re-establish what had fired before ``step`` and stands: freezes and skips, not edits of weights.

        A resumed fit has the edited weights in its checkpoint already.
        """
        for timed in self._due(step - 1):
            if hasattr(timed.intervention, "hold"):
                apply(
                    timed.intervention, Encoder(self.model.encoder), donors=self.donors, allow_no_effect=True
                )

    def _due(self, step: int) -> list[Timed]:
        start = self.n_fired
        while self.n_fired < len(self.entries) and step / self.n_steps >= self.entries[self.n_fired].at:
            self.n_fired += 1
        return list(self.entries[start : self.n_fired])
