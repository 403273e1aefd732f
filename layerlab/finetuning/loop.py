"""The fine-tuning loop: explicit, resumable, the same on a CPU and on several GPUs."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from accelerate import Accelerator
from torch import Tensor

from layerlab.ablation.ablation import Timed
from layerlab.ablation.interventions.donors import Donors
from layerlab.errors import TrainingError
from layerlab.finetuning.checkpoint import Position, load_checkpoint, save_checkpoint
from layerlab.finetuning.checkpoint import Workplace as Workplace
from layerlab.finetuning.clock import Clock
from layerlab.finetuning.evaluation import DevScores, score_dev
from layerlab.finetuning.model import Pass, TaskModel, plain_pass
from layerlab.finetuning.result import FitResult as FitResult
from layerlab.finetuning.selection import dev_score, forget_epochs, keep_epoch, selected_epoch
from layerlab.finetuning.step import make_stepper, take_step
from layerlab.finetuning.training import Training
from layerlab.finetuning.trajectory import Place, Watch, begin, note_point
from layerlab.finetuning.trimming import count_left_out, trimmed_fit
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Score, Task
from layerlab.training.batching import epoch_batches
from layerlab.training.checkpoint import Saving
from layerlab.training.devices import make_accelerator
from layerlab.training.events import Report, silent
from layerlab.training.interruption import Interruption, deferred_interrupt
from layerlab.training.mixing import drawn_examples
from layerlab.training.optimizer import regroup
from layerlab.training.shortcuts.fused_steps import FusedSteps, set_fused
from layerlab.training.shortcuts.shortcut import Taken
from layerlab.training.shortcuts.trimming import Trimmed


def fine_tune(
    model: TaskModel,
    task: Task,
    corpora: Mapping[str, EncodedCorpus],
    training: Training,
    *,
    seed: int,
    during: Sequence[Timed] = (),
    donors: Donors | None = None,
    workplace: Workplace | None = None,
    report: Report = silent,
    device: str = "auto",
    taken: Taken | None = None,
    forward: Pass = plain_pass,
    watch: Watch | None = None,
) -> FitResult:
    """Fine-tune a task model in place and leave the selected epoch's weights in it.

    Interventions that belong *before* fine-tuning are applied by the caller; those of ``during`` fire on
    the clock. A resumed fit takes the same steps as an undisturbed one. Ctrl-C takes effect after a step and
    leaves a checkpoint.

    Args:
        model: Encoder and head.
        task: Gives batches, loss and scores.
        corpora: ``train`` and ``dev`` of the source language, or of several joined.
        training: Hyper-parameters.
        seed: The run's seed; data order and dropout have streams of their own.
        during: Interventions and the fraction of the steps after which each fires.
        donors: Where ``during`` interventions take weights from.
        workplace: Where checkpoints go.
        report: Receives events.
        device: ``auto`` or ``cpu``.
        taken: Which shortcuts are switched on, none if None; a fit with a checkpoint goes on as it began.
        forward: Computes the output of the head; the whole model by default.
        watch: What is scored meanwhile; it changes nothing else.

    Raises:
        TrainingError: The loss is no longer finite.
        KeyboardInterrupt: Somebody stopped it; a checkpoint is written.
    """
    accelerator, place = make_accelerator(device), workplace or Workplace()
    with trimmed_fit(model, corpora, training, during, place.folder, taken) as held:
        model.to(accelerator.device)
        fit = Fitting(model, task, corpora, training, seed, accelerator, place, report, held, forward, watch)
        fit.position.fused = taken is not None and taken.may(FusedSteps(), accelerator.device)
        result = fit.run(Clock(during, model, donors, fit.n_steps))
        if taken is not None and fit.position.fused:
            taken.note(FusedSteps.name, f"{fit.n_steps:,} steps")
        del fit  # with the optimiser's moments, before the whole matrix comes back
    return result


@dataclass
class Fitting:
    """The state of one running fine-tuning.

    Attributes:
        model: Encoder and head.
        task: Gives batches, loss and scores.
        corpora: ``train`` and ``dev`` of the source language, or of several joined.
        training: Hyper-parameters.
        seed: The run's seed.
        accelerator: Device and processes.
        workplace: Where checkpoints go.
        report: Receives events.
        trimmed: The embedding matrix with fewer rows; None if it is whole.
        forward: Computes the output of the head.
        watch: What is scored meanwhile.
        best: The state that is kept so far, on the CPU: of the best epoch, or the mean of the last ones.
        position: Where it stands.
        resumed_at: The step at which this process took it up.
    """

    model: TaskModel
    task: Task
    corpora: Mapping[str, EncodedCorpus]
    training: Training
    seed: int
    accelerator: Accelerator
    workplace: Workplace
    report: Report
    trimmed: Trimmed | None = None
    forward: Pass = plain_pass
    watch: Watch | None = None
    best: dict[str, Tensor] | None = None
    position: Position = field(default_factory=Position)
    resumed_at: int = 0

    def __post_init__(self) -> None:
        self.lengths = [len(example.input_ids) for example in self.corpora["train"].encoded.examples]
        self.n_epoch_steps = -(-len(self.lengths) // self.training.batch_size)
        self.n_steps = self.n_epoch_steps * self.training.epochs
        self.stepper = make_stepper(self.model, self.training, self.seed, self.accelerator, self.n_steps)
        self.saving = Saving(self.workplace.seconds)
        if self.trimmed is not None:
            self.trimmed.follow(self.stepper.optimizer)

    def run(self, clock: Clock) -> FitResult:
        """Take every step that is left, then load the selected epoch."""
        self.restore()
        clock.restore(self.resumed_at)
        regroup(self.stepper.optimizer)
        with deferred_interrupt(self.accelerator.num_processes == 1) as interruption:
            while self.position.epoch < self.training.epochs:
                self._run_epoch(clock, interruption)
        return self.result()

    def restore(self) -> None:
        """Go on from the checkpoint, if there is one."""
        folder = self.workplace.folder
        restored = folder and load_checkpoint(folder, self.model, self.stepper.optimizer)
        if restored:
            self.position, self.best = restored
            if self.trimmed is not None:
                self.trimmed.decay = self.position.decay
        self.watch = begin(self.watch, self.position)
        set_fused(self.stepper.optimizer, self.position.fused)
        self.resumed_at = self.position.step

    def result(self) -> FitResult:
        """Load the selected epoch and return what the fine-tuning gave."""
        if self.best is not None:
            self.model.load_state_dict(self.best)
            if self.trimmed is not None:
                self.trimmed.decay = self.position.best_decay
        position = self.position
        averaged: dict[str, Any] | None = None
        if position.n_averaged:
            dev = self._score_dev().means
            averaged = {"epochs": position.n_averaged, "dev": _values(dev)}
            self._look("average", dev)
        return FitResult(
            history=position.history,
            best_epoch=selected_epoch(self.training, position),
            n_steps=self.n_steps,
            seconds=position.seconds,
            receipts=position.receipts,
            resumed_at=self.resumed_at,
            averaged=averaged,
            points=None if self.watch is None else position.points,
            first_epoch=position.first_epoch,
            watching_seconds=position.watching_seconds,
        )

    def _run_epoch(self, clock: Clock, interruption: Interruption) -> None:
        position = self.position
        train = self.corpora["train"]
        for batch in self.batches_left():
            started = time.monotonic()
            receipts, changed = clock.fire(position.step)
            if receipts and self.trimmed is not None:
                receipts = count_left_out(receipts, self.model.encoder, self.trimmed)
            position.receipts.extend(receipts)
            if receipts:
                regroup(self.stepper.optimizer)
                self._report("receipts", when="during", receipts=receipts)
            if changed:
                # Epochs from before a change of the model compete no longer.
                self.best = None
                forget_epochs(position)
            loss_sum, n_targets = take_step(
                self.stepper, self.task, train, batch, position.step, self.training.precision, self.forward
            )
            self.count_step(loss_sum, n_targets, time.monotonic() - started)
            self.save_if_due(now=interruption.asked)
            if interruption.asked:
                raise KeyboardInterrupt
        self.finish_epoch()

    def batches_left(self) -> list[tuple[int, ...]]:
        """Return the batches of the current epoch that no step was taken with."""
        position = self.position
        parts = self.corpora["train"].parts.values()
        sizes = [len(part.encoded.examples) for part in parts] or [len(self.lengths)]
        drawn = drawn_examples(sizes, self.training.mixing, self.seed, position.epoch)
        batches = epoch_batches(self.lengths, self.training.batch_size, self.seed, position.epoch, drawn)
        return batches[position.step - position.epoch * self.n_epoch_steps :]

    def count_step(self, loss_sum: float, n_targets: int, seconds: float) -> None:
        """Note a step that was taken: its summed loss, labelled positions and time."""
        position = self.position
        if self.trimmed is not None:
            position.decay = self.trimmed.decay
        position.step += 1
        position.loss_sum += loss_sum
        position.n_targets += n_targets
        position.seconds += seconds
        self._report("step", loss=loss_sum / max(1, n_targets))
        if self.watch is not None and self.watch.due(position.step, self.n_epoch_steps):
            self._look("step", self._score_dev().means)

    def finish_epoch(self) -> None:
        """Score the source dev set, keep the epoch if it is the best so far, and begin the next one.

        Raises:
            TrainingError: The loss is no longer finite.
        """
        position = self.position
        if not math.isfinite(position.loss_sum):
            raise TrainingError(
                f"the loss of epoch {position.epoch} is {position.loss_sum}: the fine-tuning diverged; try a "
                f"smaller training.learning_rate (now {self.training.learning_rate:g}) or a longer warmup"
            )
        scores = self._score_dev()
        dev = _values(scores.means)
        self._look("epoch", scores.means)
        entry = {
            "epoch": position.epoch,
            "loss": position.loss_sum / max(1, position.n_targets),
            "dev": dev,
            **({"dev_by_language": scores.by_language} if scores.by_language else {}),
            "seconds": round(position.seconds, 3),
        }
        position.history.append(entry)
        score = dev_score(self.training, self.task, dev)
        self.best = keep_epoch(self.training, position, self.best, self.model, score)
        position.epoch += 1
        position.loss_sum, position.n_targets = 0.0, 0
        self._report("epoch", **{key: entry[key] for key in entry if key not in ("epoch", "seconds")})
        self.save_if_due()

    def _score_dev(self) -> DevScores:
        """Return the scores of the model as it is on source dev."""
        return score_dev(self.model, self.task, self.corpora["dev"], self.accelerator.device, self.forward)

    def _look(self, place: Place, dev: Sequence[Score]) -> None:
        """Note a point of the trajectory, if there is one."""
        if self.watch is not None:
            device = self.accelerator.device
            note_point(self.watch, self.position, place, dev, self.model, self.task, device, self.trimmed)
            self._report("point", place=place, test=self.position.points[-1]["test"])

    def save_if_due(self, now: bool = False) -> None:
        """Write a checkpoint if it is time for one, or ``now``."""
        folder = self.workplace.folder
        if folder is not None and self.saving.due(now) and self.accelerator.is_main_process:
            rows = None if self.trimmed is None else self.trimmed.rows
            with self.saving.writing():
                save_checkpoint(folder, self.position, self.model, self.stepper.optimizer, self.best, rows)

    def _report(self, kind: str, **details: Any) -> None:
        if self.accelerator.is_main_process:
            self.report(
                {
                    "event": kind,
                    "step": self.position.step,
                    "steps": self.n_steps,
                    "from": self.resumed_at,
                    "epoch": self.position.epoch,
                }
                | details
            )


def _values(scores: Sequence[Score]) -> dict[str, float]:
    return {score.metric: score.value for score in scores}
