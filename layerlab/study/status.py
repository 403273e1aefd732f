"""Where a study stands, read from its results directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layerlab.nodes.jobs import FitJob, RunJob
from layerlab.nodes.pretraining import PretrainingJob
from layerlab.nodes.store.events import last_event
from layerlab.nodes.store.lease import is_held
from layerlab.nodes.store.store import Store
from layerlab.study.plan import Plan

Job = PretrainingJob | FitJob | RunJob


@dataclass(frozen=True)
class Activity:
    """A node that somebody is working on.

    Attributes:
        title: What it is.
        step: Optimiser steps done; 0 for a run.
        steps: Optimiser steps in all; 0 for a run.
        resumed_at: Step at which its present worker took it up.
    """

    title: str
    step: int = 0
    steps: int = 0
    resumed_at: int = 0

    @property
    def fraction(self) -> float:
        """Part of the node that is done."""
        return self.step / self.steps if self.steps else 0.0

    @property
    def gained(self) -> float:
        """Part of the node that its present worker has done."""
        return (self.step - self.resumed_at) / self.steps if self.steps else 0.0

    def __str__(self) -> str:
        return f"{self.title}  step {self.step}/{self.steps}" if self.steps else self.title


@dataclass(frozen=True)
class Status:
    """Counts of a plan's nodes by state.

    Attributes:
        n_runs: Runs in all.
        n_runs_done: Complete runs.
        n_fits: Fits in all.
        n_fits_done: Complete fits.
        failures: ``id``, ``title``, ``error`` and ``message`` of nodes whose last attempt failed.
        blocked: Titles of nodes that wait for a failed one.
        active: Nodes that are being worked on now.
        n_pretrainings: Pretrainings in all.
        n_pretrainings_done: Complete pretrainings.
    """

    n_runs: int
    n_runs_done: int
    n_fits: int
    n_fits_done: int
    failures: tuple[dict[str, str], ...]
    blocked: tuple[str, ...]
    active: tuple[Activity, ...]
    n_pretrainings: int = 0
    n_pretrainings_done: int = 0

    @property
    def complete(self) -> bool:
        """Whether every run and fit is complete."""
        return self.pretrained and self.n_runs_done == self.n_runs and self.n_fits_done == self.n_fits

    @property
    def pretrained(self) -> bool:
        """Whether every pretraining is complete."""
        return self.n_pretrainings_done == self.n_pretrainings

    @property
    def n_done(self) -> int:
        """Complete nodes."""
        return self.n_runs_done + self.n_fits_done + self.n_pretrainings_done

    def summary(self) -> str:
        """Return one line of counts."""
        text = f"{self.n_runs_done}/{self.n_runs} runs, {self.n_fits_done}/{self.n_fits} fits"
        if self.n_pretrainings:
            text += f", {self.n_pretrainings_done}/{self.n_pretrainings} pretrainings"
        text += " complete"
        if self.failures:
            text += f", {len(self.failures)} failed"
        if self.blocked:
            text += f", {len(self.blocked)} blocked"
        return text


def read_status(plan: Plan, store: Store) -> Status:
    """Read where a plan stands; cheap enough to be called every second."""
    done_fits = {fit.id for fit in plan.fits if store.is_done("fit", fit.id)}
    done_runs = {run.id for run in plan.runs if store.is_done("run", run.id)}
    failures: dict[str, dict[str, str]] = {}
    active: list[Activity] = []
    pretrained = {job.id for job in plan.pretrainings if store.is_done("pretraining", job.id)}
    jobs: list[Job] = [job for job in plan.pretrainings if job.id not in pretrained]
    jobs.extend(job for job in plan.fits if job.id not in done_fits)
    jobs.extend(job for job in plan.runs if job.id not in done_runs)
    for job in jobs:
        if is_held(store.lease(job.id)):
            active.append(_activity(job.title(), last_event(store.events(job.id))))
            continue
        failure = store.read_failure(job.id)
        if failure is not None:
            failures[job.id] = failure
    blocked = _blocked(plan, set(failures), done_runs)
    return Status(
        n_runs=len(plan.runs),
        n_runs_done=len(done_runs),
        n_fits=len(plan.fits),
        n_fits_done=len(done_fits),
        failures=tuple(failures.values()),
        blocked=tuple(blocked),
        active=tuple(active),
        n_pretrainings=len(plan.pretrainings),
        n_pretrainings_done=len(pretrained),
    )


def _activity(title: str, event: dict[str, Any] | None) -> Activity:
    if event is None or "steps" not in event:
        return Activity(title)
    return Activity(title, int(event["step"]), int(event["steps"]), int(event.get("from", 0)))


def _blocked(plan: Plan, failed: set[str], done_runs: set[str]) -> list[str]:
    """Return titles of jobs that cannot go on because a node before them failed."""
    stuck = set(failed)
    titles = []
    for fit in plan.fits:
        if fit.id not in stuck and stuck.intersection({fit.pretraining, *fit.needs}):
            stuck.add(fit.id)
            titles.append(fit.title())
    for run in plan.runs:
        if run.id not in failed and run.id not in done_runs and stuck.intersection({run.fit_id, *run.needs}):
            titles.append(run.title())
    return titles
