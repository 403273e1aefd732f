"""What is scored while a fit trains, and how it becomes a complete trajectory.

The fit publishes it, since it is the fit that is watched; :class:`layerlab.nodes.kinds.trajectory.Trajectory`
is the node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

from layerlab.analysis.stored.record import Record
from layerlab.data.catalog.corpus import DataSpec, find_corpus
from layerlab.finetuning.every import Every, Steps
from layerlab.finetuning.training import Average, Training
from layerlab.nodes.facts import Facts
from layerlab.nodes.identity import TrajectorySpec
from layerlab.nodes.kinds.training.encoding import Encoding
from layerlab.nodes.node import Work

if TYPE_CHECKING:
    from layerlab.finetuning.prefix.frozen_prefix import FrozenPrefix
    from layerlab.finetuning.result import FitResult
    from layerlab.finetuning.trajectory import Watch
    from layerlab.tasks.task import Task

KIND: Final = "trajectory"


class Watched(BaseModel):
    """What is scored while a fit trains; it is no part of the fit's identity.

    Attributes:
        every: When scores are taken.
        targets: Digest of each target's test split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: Every
    targets: Mapping[str, str]

    @property
    def steps(self) -> int:
        """Steps between two points; 0 for the ends of epochs alone."""
        return self.every.steps if isinstance(self.every, Steps) else 0

    def spec(self, fit: str) -> TrajectorySpec:
        """Return what determines the numbers of the trajectory of a fit, by its id."""
        return TrajectorySpec(fit, self.steps or "epochs", self.targets)

    def find(
        self,
        fit: str,
        data: DataSpec,
        task: Task,
        labels: tuple[str, ...],
        length: int,
        encoding: Encoding,
        prefix: FrozenPrefix | None,
    ) -> Watch:
        """Return the watch of a fit, its test sets encoded.

        Args:
            fit: The fit's id.
            data: Where the corpora are.
            task: Encodes them.
            labels: Of the head.
            length: Longest input in word-pieces.
            encoding: Encodes them for the fit's encoder.
            prefix: The fit's frozen prefix, whose states of test sets are kept where there is room for them.

        Raises:
            DataError: A corpus is not what it was when the plan was made.
        """
        from layerlab.finetuning.trajectory import Watch

        refs = {target: find_corpus(data, task.name, task.formats, target, "test") for target in self.targets}
        tests = {
            target: encoding.encode(task, ref, self.targets[target], labels, length)
            for target, ref in refs.items()
        }
        passes = {target: prefix for target, corpus in tests.items() if prefix and prefix.hold(corpus)}
        return Watch(tests, self.steps, self.spec(fit).id, passes)


class TrajectoryFacts(Facts):
    """What a trajectory notes of itself.

    Attributes:
        watching_seconds: Time that the scores of targets took, over all resumed parts, in seconds.
        selection: How the fit chose its weights, and what it looked at for that.
        n_steps: Optimiser steps of the fit.
        best_epoch: 0-based epoch whose weights the fit kept; of a mean of weights the last one in it.
        n_points: Points.
        replayed: Whether the fit was complete before and was trained again for the scores alone.
        dev_difference: The largest difference of a dev score between both trainings; None without a replay.
    """

    watching_seconds: float
    selection: str
    n_steps: int
    best_epoch: int
    n_points: int
    replayed: bool = False
    dev_difference: float | None = None


def publish_trajectory(
    work: Work,
    spec: TrajectorySpec,
    source: str,
    training: Training,
    result: FitResult,
    *,
    seconds: float,
    fit_facts: Mapping[str, Any] | None = None,
) -> None:
    """Publish the trajectory of a fit that was watched from its first step on.

    Args:
        work: Has the store, which knows the node.
        spec: The trajectory's.
        source: Language of the dev set.
        training: Hyper-parameters.
        result: What the fine-tuning gave.
        seconds: Time of the process that completed it.
        fit_facts: What the fit noted of itself when it was completed earlier; None if it is now.
    """
    import pandas as pd

    from layerlab.analysis.records.trajectories import POINTS

    assert result.points is not None
    about = {**work.store.read_job(spec.id)["columns"], "trajectory_id": spec.id, "fit_id": spec.fit}
    best_epoch = result.best_epoch if fit_facts is None else int(fit_facts["best_epoch"])
    again = {} if fit_facts is None else {"replayed": True, "dev_difference": _difference(fit_facts, result)}
    facts = TrajectoryFacts.gather(
        work.settings.device,
        seconds,
        watching_seconds=round(result.watching_seconds, 3),
        selection=_describe_selection(training),
        n_steps=result.n_steps,
        best_epoch=best_epoch,
        n_points=len(result.points),
        **again,
    )
    rows = pd.DataFrame(_rows(result, source, training, best_epoch))
    with work.store.publish(KIND, spec.id) as folder:
        rows.to_parquet(folder / POINTS, index=False, compression="zstd")
        Record(kind=KIND, id=spec.id, about=about, facts=facts.model_dump()).write(folder)


def _rows(result: FitResult, source: str, training: Training, best_epoch: int) -> Iterator[dict[str, Any]]:
    n_epoch_steps = result.n_steps / training.epochs
    averages = isinstance(training.select, Average)
    for point in result.points or ():
        ends = point["place"] == "epoch"
        about = {
            "step": point["step"],
            "epoch": point["step"] / n_epoch_steps,
            "place": point["place"],
            "competes": ends and point["epoch"] >= result.first_epoch,
            "chosen": point["place"] == "average" if averages else ends and point["epoch"] == best_epoch,
        }
        scored = [(source, "dev", point["dev"])]
        scored += [(target, "test", scores) for target, scores in point["test"].items()]
        for target, split, scores in scored:
            for metric, (value, n) in scores.items():
                yield {**about, "target": target, "split": split, "metric": metric, "value": value, "n": n}


def _describe_selection(training: Training) -> str:
    """Return how weights were selected, in words.

    >>> _describe_selection(Training())
    'the best epoch on source dev; targets were not looked at'
    >>> _describe_selection(Training(select={"average": 2}))
    'the mean of the last 2 epochs; no score was looked at'
    """
    if isinstance(training.select, Average):
        return f"the mean of the last {training.select.average} epochs; no score was looked at"
    if training.select == "last":
        return "the last epoch; no score was looked at"
    return "the best epoch on source dev; targets were not looked at"


def _difference(facts: Mapping[str, Any], result: FitResult) -> float:
    """Return the largest difference of a dev score between a fit and its replay."""
    both: Sequence[tuple[Any, Any]] = list(zip(facts["history"], result.history, strict=True))
    found = [abs(one["dev"][metric] - other["dev"][metric]) for one, other in both for metric in one["dev"]]
    return float(max(found))
