"""A plan: the fits and runs of a study, each once, in an order that can be carried out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlab.errors import Problem, StudyError, unknown
from layerlab.nodes.jobs import FitJob, RunJob
from layerlab.nodes.pretraining import PretrainingJob
from layerlab.study.cost import describe_cost, plan_cost
from layerlab.study.study import Study

if TYPE_CHECKING:
    from layerlab.nodes.store.store import Store
    from layerlab.study.runner import Outcome


@dataclass(frozen=True)
class Plan:
    """The jobs of a study.

    Attributes:
        study: Where they come from.
        fits: Fine-tunings, donors before those that need them.
        runs: Evaluations.
        sentences: Number of training sentences by (task, source), where the corpora were read.
        notes: What a user should know before running, such as a missing baseline.
        whole: The plan that this one was selected from; None for a whole plan.
        pretrainings: Encoders to be made first.
    """

    study: Study
    fits: tuple[FitJob, ...]
    runs: tuple[RunJob, ...]
    sentences: dict[tuple[str, str], int]
    notes: tuple[str, ...] = ()
    whole: Plan | None = None
    pretrainings: tuple[PretrainingJob, ...] = ()

    def __repr__(self) -> str:
        return f"<Plan {self.study.name}: {len(self.runs)} runs over {len(self.fits)} fits>"

    def groups(self) -> Iterator[tuple[FitJob, tuple[RunJob, ...]]]:
        """Yield each fit with the runs that evaluate it."""
        by_fit: dict[str, list[RunJob]] = {fit.id: [] for fit in self.fits}
        for run in self.runs:
            by_fit[run.fit_id].append(run)
        for fit in self.fits:
            yield fit, tuple(by_fit[fit.id])

    def select(self, **columns: Any) -> Plan:
        """Return the part of the plan whose runs have these columns, with the fits that they need.

        Args:
            **columns: Column of a run (model, task, ablation, source, seed...) and its value as text.

        Raises:
            StudyError: There is no such column, or no run has this value.
        """
        for name, value in columns.items():
            known = {str(run.columns[name]) for run in self.runs if name in run.columns}
            if not known:
                raise StudyError([Problem("only", unknown("column", name, self.runs[0].columns))])
            if str(value) not in known:
                raise StudyError([Problem("only", unknown(name, str(value), known))])
        runs = tuple(
            run for run in self.runs if all(str(run.columns[name]) == str(v) for name, v in columns.items())
        )
        needed = {run.fit_id for run in runs} | {need for run in runs for need in run.needs}
        for fit in reversed(self.fits):
            if fit.id in needed:
                needed.update(fit.needs)
        fits = tuple(fit for fit in self.fits if fit.id in needed)
        encoders = {fit.pretraining for fit in fits}
        pretrainings = tuple(job for job in self.pretrainings if job.id in encoders)
        return replace(self, runs=runs, fits=fits, whole=self.whole or self, pretrainings=pretrainings)

    def describe(
        self, store: Store | None = None, *, cost_as: str | None = None, flops: float | None = None
    ) -> str:
        """Return the plan as text: what will be done, how much, at what cost, and what is done already.

        Args:
            store: Results folder, to say what is done already.
            cost_as: Encoder whose cost is shown instead of the study's own, such as
                ``bert-base-multilingual-cased``.
            flops: Effective FLOP/s of one GPU; by the training's precision if None.

        Raises:
            CheckpointError: ``cost_as`` is not known and no configuration of it is found.
        """
        study = self.study
        lines = [
            f"study      {study.name}",
            f"models     {', '.join(dict.fromkeys(fit.model for fit in self.fits))}",
            f"tasks      {', '.join(study.tasks)}",
            f"sources    {', '.join(study.sources)}",
            f"targets    {', '.join(study.targets) or 'the source only'}",
            f"seeds      {', '.join(map(str, study.seeds))}",
            *([f"measures   {', '.join(study.measures.names)}"] if study.measures else []),
            *(f"first      {job.title()}, {job.spec.steps:,} steps" for job in self.pretrainings),
            "ablations",
        ]
        counts = Counter(run.columns["ablation"] for run in self.runs)
        width = max(map(len, counts), default=0)
        lines.extend(f"  {name:<{width}} {count:>4} runs" for name, count in counts.items())
        steps = sum(self._n_steps(fit) for fit in self.fits)
        lines.append(
            f"total      {len(self.runs)} runs over {len(self.fits)} fits, {steps:,} optimiser steps"
        )
        if self.sentences:  # else no corpus was read
            cost = plan_cost(self, cost_as)
            lines.extend(describe_cost(cost, flops, study.training.precision))
        if store is not None:
            fits = sum(store.is_done("fit", fit.id) for fit in self.fits)
            runs = sum(store.is_done("run", run.id) for run in self.runs)
            lines.append(f"done       {runs} runs, {fits} fits in {store.root}")
        lines.extend(f"note       {note}" for note in self.notes)
        return "\n".join(lines)

    def _n_steps(self, fit: FitJob) -> int:
        n_sentences = self.sentences.get((fit.spec.task, fit.source), 0)
        return -(-n_sentences // fit.training.batch_size) * fit.training.epochs

    def run(self, folder: str | Path, **options: Any) -> Outcome:
        """Carry the plan out in a results folder; what is complete there is not done again.

        Args:
            folder: Results directory.
            **options: ``workers``, ``device``, ``progress`` and others of
                :func:`layerlab.study.runner.run_plan`.
        """
        from layerlab.study.runner import run_plan

        return run_plan(self, folder, **options)
