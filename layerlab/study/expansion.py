"""From a study to a plan: the grid is expanded, selections and donors are resolved, mistakes collected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import FitDonor, Intervention
from layerlab.data.catalog import CorpusRef, find_corpus
from layerlab.errors import LayerlabError, Problem, StudyError, unknown
from layerlab.study.checkpoints import Checkpoint, find_checkpoint
from layerlab.study.corpora import check_labels
from layerlab.study.identity import FitSpec, RunSpec
from layerlab.study.jobs import FitJob, RunJob, identity_of
from layerlab.study.plan import Plan
from layerlab.study.study import Study, baseline_is_missing
from layerlab.tasks.task import get_task


@dataclass(frozen=True)
class Coordinates:
    """Where a fit stands in the grid."""

    checkpoint: Checkpoint
    task: str
    source: str
    seed: int
    ablation: Ablation


@dataclass
class Expansion:
    """The jobs and mistakes found so far."""

    study: Study
    problems: dict[tuple[str, str], Problem] = field(default_factory=dict)
    fits: dict[str, FitJob] = field(default_factory=dict)
    runs: dict[str, RunJob] = field(default_factory=dict)
    ablations: dict[str, dict[str, Ablation]] = field(default_factory=dict)
    corpora: dict[tuple[str, str, str], CorpusRef | None] = field(default_factory=dict)

    def note(self, path: str, message: object) -> None:
        """Remember a mistake, once."""
        self.problems.setdefault((path, str(message)), Problem(path, str(message)))

    def corpus(self, task: str, language: str, split: str) -> CorpusRef | None:
        """Find a corpus once; a mistake is noted."""
        key = (task, language, split)
        if key not in self.corpora:
            self.corpora[key] = None
            try:
                spec = self.study.data_for(task)
                self.corpora[key] = find_corpus(spec, task, get_task(task).formats, language, split)
            except LayerlabError as error:
                self.note("data", error)
        return self.corpora[key]


def expand(study: Study, *, check: bool = True) -> Plan:
    """Expand a study into fits and runs.

    Raises:
        StudyError: Everything that is wrong: unknown tasks, checkpoints that are not there, layers out of
            range, languages without data and, with ``check``, corpora that cannot be read or labels that
            the source lacks.
    """
    state = Expansion(study)
    checkpoints = list(_find_checkpoints(state))
    tasks = list(_known_tasks(state))
    for checkpoint in checkpoints:
        state.ablations[checkpoint.name] = _resolve_ablations(state, checkpoint)
    for task in tasks:
        _find_corpora(state, task)
    if not state.problems:
        _expand_grid(state, checkpoints, tasks)
    sentences: dict[tuple[str, str], int] = {}
    if check:
        for task in tasks:
            for source in study.sources:
                _check_source(state, task, source, sentences)
    if state.problems:
        raise StudyError(list(state.problems.values()), f"study {study.name!r}")
    notes = []
    if baseline_is_missing(study.ablations):
        notes.append(
            "no ablation is the baseline `none`: scores will be recorded, effects cannot be computed"
        )
    return Plan(study, tuple(state.fits.values()), tuple(state.runs.values()), sentences, tuple(notes))


def _find_checkpoints(state: Expansion) -> Iterable[Checkpoint]:
    for index, name in enumerate(state.study.models):
        try:
            yield find_checkpoint(name)
        except LayerlabError as error:
            state.note(f"models[{index}]", error)


def _known_tasks(state: Expansion) -> Iterable[str]:
    for index, name in enumerate(state.study.tasks):
        try:
            yield get_task(name).name
        except LayerlabError as error:
            state.note(f"tasks[{index}]", error)


def _resolve_ablations(state: Expansion, checkpoint: Checkpoint) -> dict[str, Ablation]:
    """Expand sweeps and resolve selections for the depth of one checkpoint."""
    resolved: dict[str, Ablation] = {}
    for index, entry in enumerate(state.study.ablations):
        try:
            expanded = (entry,) if isinstance(entry, Ablation) else entry.expand(checkpoint.n_layers)
            for ablation in expanded:
                if ablation.name in resolved:
                    state.note(f"ablations[{index}]", f"a second ablation is named {ablation.name!r}")
                resolved[ablation.name] = ablation.resolve(checkpoint.n_layers)
        except LayerlabError as error:
            state.note(f"ablations[{index}]", f"{error} (model {checkpoint.name})")
    return resolved


def _find_corpora(state: Expansion, task: str) -> None:
    for source in state.study.sources:
        for split in ("train", "dev"):
            state.corpus(task, source, split)
        for target in state.study.targets_for(source):
            state.corpus(task, target, "test")


def _check_source(state: Expansion, task: str, source: str, sentences: dict[tuple[str, str], int]) -> None:
    refs = [state.corpus(task, source, split) for split in ("train", "dev")]
    refs.extend(state.corpus(task, target, "test") for target in state.study.targets_for(source))
    train, *others = refs
    if train is None:
        return
    problems, n_sentences = check_labels(get_task(task), train, [ref for ref in others if ref is not None])
    sentences[task, source] = n_sentences
    for problem in problems:
        state.note("data", problem)


def _expand_grid(state: Expansion, checkpoints: Iterable[Checkpoint], tasks: Iterable[str]) -> None:
    study = state.study
    for checkpoint in checkpoints:
        for task in tasks:
            for source in study.sources:
                for seed in study.seeds:
                    for name, ablation in state.ablations[checkpoint.name].items():
                        here = Coordinates(checkpoint, task, source, seed, ablation)
                        try:
                            _add_run(state, here)
                        except LayerlabError as error:
                            state.note(f"ablation {name!r}", error)


def _add_run(state: Expansion, here: Coordinates) -> None:
    fit = _add_fit(state, here, ())
    needs: list[str] = []
    after = tuple(_resolve_donor(state, item, here, fit.id, needs, ()) for item in here.ablation.after)
    targets = {}
    for target in state.study.targets_for(here.source):
        ref = state.corpus(here.task, target, "test")
        if ref is not None:
            targets[target] = ref.digest
    spec = RunSpec(fit.id, tuple(identity_of(item) for item in after), targets)
    job = RunJob(spec, _columns(state.study, here), after, state.study.data_for(here.task), tuple(needs))
    same = state.runs.get(job.id)
    if same is not None and same.columns["ablation"] != here.ablation.name:
        raise LayerlabError(f"does the same as ablation {same.columns['ablation']!r}; keep one of them")
    state.runs[job.id] = job


def _columns(study: Study, here: Coordinates) -> dict[str, Any]:
    ablation = here.ablation
    return {
        "study": study.name,
        "model": here.checkpoint.label,
        "task": here.task,
        "ablation": ablation.name,
        "phase": ablation.phase,
        "intervention": ablation.kind,
        "layers": ablation.layers,
        "first_layer": ablation.first_layer,
        "last_layer": ablation.last_layer,
        "source": here.source,
        "seed": here.seed,
    }


def _add_fit(state: Expansion, here: Coordinates, stack: tuple[str, ...]) -> FitJob:
    task = get_task(here.task)
    needs: list[str] = []
    before = tuple(_resolve_donor(state, item, here, "", needs, stack) for item in here.ablation.before)
    during = tuple(
        Timed(timed.at, _resolve_donor(state, timed.intervention, here, "", needs, stack))
        for timed in here.ablation.during
    )
    corpora = {}
    for split in ("train", "dev"):
        ref = state.corpus(here.task, here.source, split)
        if ref is None:
            raise LayerlabError(
                f"source {here.source!r} of a donor has no {split} split for task {here.task!r}"
            )
        corpora[split] = ref.digest
    spec = FitSpec(
        checkpoint=here.checkpoint.digest,
        task=task.name,
        task_version=task.version,
        corpora=corpora,
        before=tuple(identity_of(item) for item in before),
        during=tuple({"at": timed.at, **identity_of(timed.intervention)} for timed in during),
        seed=here.seed,
        training=state.study.training.model_dump(mode="json"),
    )
    job = FitJob(
        spec=spec,
        model=here.checkpoint.label,
        location=here.checkpoint.location,
        revision=here.checkpoint.revision,
        source=here.source,
        before=before,
        during=during,
        data=state.study.data_for(here.task),
        training=state.study.training,
        needs=tuple(needs),
    )
    return state.fits.setdefault(job.id, job)


def _resolve_donor(
    state: Expansion,
    item: Intervention,
    here: Coordinates,
    own_fit: str,
    needs: list[str],
    stack: tuple[str, ...],
) -> Intervention:
    """Replace a donor given by coordinates by the id of its fit, which joins the plan."""
    donor = getattr(item, "donor", None)
    if not isinstance(donor, FitDonor) or donor.fit is not None:
        return item
    known = state.ablations[here.checkpoint.name]
    name = donor.ablation or "none"
    if name in stack:
        raise LayerlabError(f"ablations donate to each other in a circle: {' -> '.join((*stack, name))}")
    if name != "none" and name not in known:
        raise LayerlabError(unknown("ablation of a donor", name, known))
    there = Coordinates(
        checkpoint=here.checkpoint,
        task=donor.task or here.task,
        source=donor.source or here.source,
        seed=here.seed if donor.seed is None else donor.seed,
        ablation=known.get(name, Ablation.none()),
    )
    fit = _add_fit(state, there, (*stack, name))
    if fit.id == own_fit:
        raise LayerlabError(
            f"the donor is the run's own fit; name another source, seed, task or ablation (source "
            f"{there.source!r}, seed {there.seed}, ablation {name!r})"
        )
    needs.append(fit.id)
    return replace(item, donor=FitDonor(fit=fit.id))  # type: ignore[type-var]
