"""The trajectories that a study asks for: one of every fit that its runs evaluate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from layerlab.ablation.ablation import Ablation
from layerlab.finetuning.every import Steps
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.kinds.training.watched import Watched
from layerlab.nodes.kinds.trajectory import Trajectory
from layerlab.study.planning.assembly import name_ablation
from layerlab.study.planning.findings import Expansion


def watch_fits(state: Expansion) -> tuple[Trajectory, ...]:
    """Let the fits of a study's runs be watched, if it asks for that, and return their trajectories.

    Fits that only donate weights are not scored by the study, so they are not watched.
    """
    if state.study.trajectory is None:
        return ()
    by_fit: dict[str, list[Run]] = {}
    for run in state.runs.values():
        by_fit.setdefault(run.fit, []).append(run)
    found = []
    for fit_id, runs in by_fit.items():
        fit = state.fits[fit_id]
        # All runs of a fit are evaluated on the targets of its source.
        watched = Watched(every=state.study.trajectory, targets=runs[0].spec.targets)
        state.fits[fit_id] = fit.model_copy(update={"watched": watched})
        columns = _columns(fit, runs)
        found.append(Trajectory(fit=fit_id, watched=watched, columns=columns, needs=fit.needs))
    return tuple(found)


def trajectory_notes(state: Expansion, sentences: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Yield what a user should know of the times of scores, where the corpora were read."""
    study = state.study
    if not isinstance(study.trajectory, Steps):
        return
    for (task, source), n_sentences in sentences.items():
        n_steps = study.training_for(task).n_steps(n_sentences)
        if study.trajectory.steps >= n_steps:
            yield (
                f"trajectory: a fit of {task} from {source} has {n_steps} steps, so that with steps: "
                f"{study.trajectory.steps} the ends of epochs alone are recorded"
            )


def _columns(fit: Fit, runs: list[Run]) -> dict[str, object]:
    """Return the columns that name a fit by the ablation that it is of; what comes after it is left out."""
    named = next((run for run in runs if not run.after), runs[0])
    columns = dict(named.columns)
    if not (fit.before or fit.during):
        columns |= name_ablation(Ablation.none())
    return {**columns, "source": fit.source, "seed": fit.spec.seed}
