"""Ablations inside the transformers ``Trainer``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from transformers import PreTrainedModel, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.apply import Receipt, apply
from layerlab.ablation.interventions import Intervention, Rate, is_standing
from layerlab.ablation.interventions.donors import Donors
from layerlab.errors import Problem, StudyError


def due(during: Iterable[Timed], before: float | None, now: float) -> tuple[Timed, ...]:
    """Return what falls due as the fraction of steps done goes from ``before`` to ``now``, in order of time.

    The one rule of the clock: an intervention is made before the first 0-based step with
    ``step / n_steps >= at``. Asked before each step with ``now = step / n_steps`` and the ``now`` of the
    last time, it gives every entry once. The division is exact where it matters: ``7 / 100`` and ``0.07``
    are the same float, so that ``at=0.07`` of 100 steps falls on step 7.

    Interventions of one time keep their order. ``before`` is None at the start.

    >>> from layerlab.ablation.interventions import Freeze, Reset
    >>> schedule = (Timed(0.5, Freeze("0")), Timed(0.0, Reset("1")))
    >>> [timed.at for timed in due(schedule, None, 0.25)], [timed.at for timed in due(schedule, 0.25, 0.5)]
    ([0.0], [0.5])
    """
    reached = [timed for timed in during if timed.at <= now and (before is None or timed.at > before)]
    return tuple(sorted(reached, key=lambda timed: timed.at))


class AblationCallback(TrainerCallback):
    """Carries out an ablation while a ``Trainer`` trains.

    ``before`` is made when training begins, ``during`` on the clock, ``after`` when training ends. The
    optimiser exists by then; frozen parameters have no gradient, so that it leaves them alone, weight
    decay included. When training resumes from a checkpoint, whose weights are edited already, only what
    stands is put in place again: freezes and skips. Learning rates are the Trainer's: ``rate`` is refused.

    Args:
        ablation: What is done, and when.
        donors: Where weights come from; random ones take the Trainer's seed if None.

    Attributes:
        receipts: What was touched, in order; what was put in place again is not listed twice.

    Raises:
        StudyError: The ablation scales learning rates.
    """

    def __init__(self, ablation: Ablation, donors: Donors | None = None) -> None:
        if any(isinstance(item, Rate) for item in ablation.interventions):
            said = "the Trainer's optimiser has rates of its own; give it groups, or fine-tune with a study"
            raise StudyError([Problem("rate", said)], f"ablation {ablation.name!r}")
        self.ablation = ablation
        self.donors = donors
        self.receipts: list[Receipt] = []
        self._done: float | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Make what comes before training, or put back what stands."""
        model = kwargs["model"]
        self.donors = self.donors or Donors(seed=args.seed)
        if state.global_step == 0:
            self._done = None
            self._make(self.ablation.before, model)
            return
        # The step that was taken last had seen everything up to the fraction before it.
        self._done = (state.global_step - 1) / state.max_steps
        fired = [timed.intervention for timed in due(self.ablation.during, None, self._done)]
        for item in (*self.ablation.before, *fired):
            if is_standing(item):
                apply(item, model, donors=self.donors, allow_no_effect=True)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Make what is due before this step."""
        now = state.global_step / state.max_steps
        self._make(
            [timed.intervention for timed in due(self.ablation.during, self._done, now)], kwargs["model"]
        )
        self._done = now

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Make what comes after training."""
        self._make(self.ablation.after, kwargs["model"])

    def _make(self, items: Sequence[Intervention], model: PreTrainedModel) -> None:
        for item in items:
            self.receipts.append(apply(item, model, donors=self.donors))
