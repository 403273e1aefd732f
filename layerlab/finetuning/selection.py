"""Which weights a fine-tuning keeps: those of the best epoch, of the last, or the mean of the last ones.

Reference: Schmidt, Vulić, Glavaš (2023), "Free Lunch: Robust Cross-Lingual Transfer via Model Checkpoint
Averaging": the mean is as good as epochs chosen on target languages, which zero-shot transfer does not have.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from layerlab.errors import TrainingError, unknown
from layerlab.finetuning.checkpoint import Position, State, cpu_state
from layerlab.finetuning.training import Average, Training
from layerlab.tasks.task import Task


def dev_score(training: Training, task: Task, dev: Mapping[str, float]) -> float:
    """Return the score by which epochs of a task are compared.

    Raises:
        TrainingError: The task has no such score; says which it has.
    """
    metric = training.select_by.get(task.name, task.metric)
    if metric not in dev:
        raise TrainingError(f"select_by: {unknown(f'score of task {task.name}', metric, dev)}")
    return dev[metric]


def keep_epoch(
    training: Training, position: Position, kept: State | None, model: nn.Module, score: float
) -> State | None:
    """Return what is kept once an epoch has ended, and note it; None for the weights that the model has.

    Args:
        training: Says how weights are selected, and how many epochs there are.
        position: Where the fit stands; its epoch is the one that ended.
        kept: What was kept so far.
        model: The model at the end of the epoch.
        score: Of the epoch on source dev.
    """
    better = position.best_score is None or score > position.best_score
    if better:
        position.best_score, position.best_epoch = score, position.epoch
    if isinstance(training.select, Average):
        first = training.epochs - training.select.average
        return _take_in(position, kept, model) if position.epoch >= first else kept
    if training.select == "best" and better:
        position.best_decay = position.decay
        return cpu_state(model)
    return kept


def forget_epochs(position: Position) -> None:
    """Note that epochs from before a change of the model compete no longer and enter no mean."""
    position.best_score, position.best_epoch, position.n_averaged = None, None, 0
    position.first_epoch = position.epoch


def selected_epoch(training: Training, position: Position) -> int:
    """Return the 0-based epoch whose weights a complete fit keeps; of a mean the last one in it."""
    best = position.best_epoch if training.select == "best" else position.epoch - 1
    return int(best or 0)


def _take_in(position: Position, mean: State | None, model: nn.Module) -> State:
    """Return a mean of states with one more; what is the same in all of them stays bit-identical."""
    position.n_averaged += 1
    part = 1 / position.n_averaged
    if mean is None:
        position.best_decay = position.decay
        return cpu_state(model)
    position.best_decay += (position.decay - position.best_decay) * part
    for name, tensor in model.state_dict().items():
        new = tensor.detach().to("cpu")
        if new.is_floating_point():
            mean[name].lerp_(new, part)
        else:
            mean[name].copy_(new)
    return mean
