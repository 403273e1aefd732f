"""How often a fit's trajectory reads its corpora."""

from __future__ import annotations

from layerlab.finetuning.every import count_points
from layerlab.finetuning.training import Average
from layerlab.nodes.kinds.fit import Fit
from layerlab.study.costs.pace import n_steps
from layerlab.study.plan import Plan


def count_readings(plan: Plan, fit: Fit) -> tuple[int, int]:
    """Return how often each test set is read, and source dev beyond once after each epoch."""
    if fit.watched is None:
        return 0, 0
    epochs = fit.training.epochs
    ends, between = count_points(fit.watched.every, n_steps(plan, fit) // epochs, epochs)
    means = int(isinstance(fit.training.select, Average))
    return ends + between + means, between
