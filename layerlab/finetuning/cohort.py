"""Fine-tuning several models that see the same batches as one stacked model.

Each member stays an ordinary fine-tuning with its own loss, gradient norm, checkpoints, scores and best
epoch; only the arithmetic of a step is shared. So a cohort that was stopped goes on as a cohort, or member by
member.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from layerlab.errors import TrainingError
from layerlab.finetuning.clock import Clock
from layerlab.finetuning.loop import FitResult, Fitting, Workplace
from layerlab.finetuning.model import TaskModel
from layerlab.finetuning.stacked_fits import StackedFits
from layerlab.finetuning.training import Training
from layerlab.finetuning.trajectory import Watch
from layerlab.finetuning.trimming import trimmed_fit
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task
from layerlab.training.devices import make_accelerator
from layerlab.training.events import Report, silent
from layerlab.training.shortcuts.cohorts import (
    Cohorts,
    count_members,
    free_bytes,
    member_bytes,
    split_evenly,
)
from layerlab.training.shortcuts.shortcut import Taken


@dataclass(frozen=True)
class Member:
    """One model of a cohort.

    Attributes:
        model: Encoder and head; interventions before fine-tuning are done.
        workplace: Where its checkpoints go.
        report: Receives its events.
        taken: Which shortcuts are switched on for it; gets notes.
        watch: What is scored while it trains.
    """

    model: TaskModel
    workplace: Workplace = field(default_factory=Workplace)
    report: Report = silent
    taken: Taken = field(default_factory=Taken)
    watch: Watch | None = None


def fine_tune_together(
    members: Sequence[Member],
    task: Task,
    corpora: Mapping[str, EncodedCorpus],
    training: Training,
    *,
    seed: int,
    device: str = "auto",
) -> list[FitResult | TrainingError]:
    """Fine-tune models as :func:`layerlab.finetuning.loop.fine_tune` would fine-tune each of them.

    Members whose checkpoints stand at different steps, or that a GPU's memory does not hold together, are
    trained in several cohorts. Where a model or task cannot be computed for several members, or the losses
    are not those of each alone, they are trained one by one, and a note says why.

    Args:
        members: The models, of one architecture.
        task: Gives batches, loss and scores.
        corpora: ``train`` and ``dev`` of the source language.
        training: Hyper-parameters.
        seed: The runs' seed.
        device: ``auto`` or ``cpu``.

    Returns:
        What each fine-tuning gave, or why it failed; a failed one leaves the checkpoint that shows it.

    Raises:
        KeyboardInterrupt: Somebody stopped it; each member's checkpoint is written.
    """
    accelerator = make_accelerator(device)
    results: dict[int, FitResult | TrainingError] = {}
    with ExitStack() as trimmings:
        fits = []
        for one in members:
            held = trimmings.enter_context(
                trimmed_fit(one.model, corpora, training, (), one.workplace.folder, one.taken)
            )
            one.model.to(accelerator.device)
            fit = Fitting(
                one.model,
                task,
                corpora,
                training,
                seed,
                accelerator,
                one.workplace,
                one.report,
                held,
                watch=one.watch,
            )
            fit.restore()
            fits.append(fit)
        for numbers in _alike(fits):
            results |= _train([fits[n] for n in numbers], [members[n] for n in numbers], numbers)
    return [results[number] for number in range(len(members))]


def _train(
    fits: Sequence[Fitting], members: Sequence[Member], numbers: Sequence[int]
) -> dict[int, FitResult | TrainingError]:
    cohort, reason = None, ""
    if len(fits) > 1:
        cohort = StackedFits(fits)
        reason = cohort.refuses()
        for one in members:
            one.taken.note(Cohorts.name, f"refused: {reason}" if reason else f"one of {len(fits)}")
    if cohort is not None and not reason:
        return dict(zip(numbers, cohort.run(), strict=True))
    if cohort is not None:
        cohort.stack.release()
    return {number: _run_alone(fit) for number, fit in zip(numbers, fits, strict=True)}


def _run_alone(fit: Fitting) -> FitResult | TrainingError:
    try:
        return fit.run(Clock((), fit.model, None, fit.n_steps))
    except TrainingError as error:
        return error


def _alike(fits: Sequence[Fitting]) -> Iterator[list[int]]:
    """Yield the members that stand at the same step, by number, as many as memory holds."""

    def place(number: int) -> tuple[int, bool]:
        return fits[number].position.step, fits[number].trimmed is not None

    for _, same in itertools.groupby(sorted(range(len(fits)), key=place), place):
        numbers = list(same)
        most = _most_members([fits[number] for number in numbers])
        for size in split_evenly(len(numbers), most):
            yield numbers[:size]
            numbers = numbers[size:]


def _most_members(fits: Sequence[Fitting]) -> int:
    first = fits[0]
    n_rows = -(-first.training.batch_size // first.stepper.n_parts)
    sizes = [
        member_bytes(fit.model, fit.model.encoder.config, n_rows, max(fit.lengths, default=1)) for fit in fits
    ]
    return count_members(sizes, free_bytes(first.accelerator.device))
