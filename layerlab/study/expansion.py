"""From a study to a plan: the grid is expanded, selections and donors are resolved, mistakes collected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import FitDonor, Intervention
from layerlab.data.catalog.corpus import DataSpec
from layerlab.errors import LayerlabError, StudyError, unknown
from layerlab.models.checkpoints import Checkpoint, find_checkpoint
from layerlab.nodes.identity import FitSpec, RunSpec, identity_of
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.pretraining import find_pretraining, is_pretraining
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.node import Node, find_kind
from layerlab.study.copies import Copies, find_donor
from layerlab.study.findings import (
    Coordinates,
    Expansion,
    check_data_keys,
    check_source,
    check_twins,
    find_corpora,
    find_measurements,
)
from layerlab.study.grid import Grid, baseline_is_missing
from layerlab.study.plan import Plan
from layerlab.study.vocabulary import check_vocabularies
from layerlab.study.words import word_of
from layerlab.tasks.task import get_task


def expand(study: Grid, *, check: bool = True) -> Plan:
    """Expand a study into fits and runs.

    Raises:
        StudyError: Everything that is wrong: unknown tasks, checkpoints that are not there, layers out of
            range, copies between layers that hold different parameters, languages without data and, with
            ``check``, corpora that cannot be read or labels that the source lacks.
    """
    state = Expansion(study)
    checkpoints = list(_find_checkpoints(state))
    check_twins(state, checkpoints)
    tasks = list(_known_tasks(state))
    check_data_keys(state)
    copies = Copies(study.seeds)
    for checkpoint in checkpoints:
        state.ablations[checkpoint.name] = _resolve_ablations(state, checkpoint, copies)
    for task in tasks:
        find_corpora(state, task)
    find_measurements(state, tasks)
    if not state.problems:
        _expand_grid(state, checkpoints, tasks)
    nodes: tuple[Node, ...] = (*state.pretrainings.values(), *state.fits.values(), *state.runs.values())
    nodes += tuple(_asked_for(state, nodes))
    sentences: dict[tuple[str, str], int] = {}
    if check:
        pairs = [(task, source) for task in tasks for source in study.sources]
        donors = [(fit.spec.task, fit.source) for fit in state.fits.values()]
        for task, source in dict.fromkeys([*pairs, *donors]):
            check_source(state, task, source, sentences)
        check_vocabularies(state, checkpoints)
    if state.problems:
        raise StudyError(list(state.problems.values()), f"study {study.name!r}")
    notes = list(state.notes)
    if baseline_is_missing(study.ablations):
        notes.append(
            "no ablation is the baseline `none`: scores will be recorded, effects cannot be computed"
            + (", and the pretrained encoder itself is not measured" if study.measures else "")
        )
    return Plan(
        study,
        nodes=nodes,
        sentences=sentences,
        notes=tuple(notes),
    )


def _find_checkpoints(state: Expansion) -> Iterable[Checkpoint]:
    for index, name in enumerate(state.study.models):
        try:
            if is_pretraining(name):
                checkpoint, state.pretrainings[name] = find_pretraining(name)
                yield checkpoint
            else:
                yield find_checkpoint(name)
        except LayerlabError as error:
            state.note(f"models[{index}]", error)


def _known_tasks(state: Expansion) -> Iterable[str]:
    for index, name in enumerate(state.study.tasks):
        try:
            yield get_task(name).name
        except LayerlabError as error:
            state.note(f"tasks[{index}]", error)


def _resolve_ablations(state: Expansion, checkpoint: Checkpoint, copies: Copies) -> dict[str, Ablation]:
    """Expand sweeps, resolve selections for the depth of one checkpoint, and check what is copied there."""
    resolved: dict[str, Ablation] = {}
    for index, entry in enumerate(state.study.ablations):
        try:
            expanded = (entry,) if isinstance(entry, Ablation) else entry.expand(checkpoint.n_layers)
            for ablation in expanded:
                if ablation.name in resolved:
                    state.note(f"ablations[{index}]", f"a second ablation is named {ablation.name!r}")
                resolved[ablation.name] = ablation.resolve(checkpoint.n_layers)
                _check_copies(state, f"ablations[{index}]", resolved[ablation.name], checkpoint, copies)
        except LayerlabError as error:
            state.note(f"ablations[{index}]", f"{error} (model {checkpoint.name})")
    return resolved


def _check_copies(
    state: Expansion, path: str, ablation: Ablation, checkpoint: Checkpoint, copies: Copies
) -> None:
    pretraining = state.pretrainings.get(checkpoint.name)
    for item in ablation.interventions:
        try:
            copies.check(item, checkpoint, pretraining.spec if pretraining else None)
        except LayerlabError as error:
            state.note(path, f"{ablation.name}: {error} (model {checkpoint.name})")


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
    measures = state.measurements.get((here.task, here.source))
    identity = measures.identity if measures is not None else None
    spec = RunSpec(fit.id, tuple(identity_of(item) for item in after), targets, measures=identity)
    data = _data_of(state.study, here.task)
    job = Run(
        spec=spec,
        columns=_columns(state, here),
        after=after,
        data=data,
        needs=tuple(needs),
        measures=measures,
    )
    same = state.runs.get(job.id)
    if same is not None and same.columns["ablation"] != here.ablation.name:
        raise LayerlabError(f"does the same as ablation {same.columns['ablation']!r}; keep one of them")
    state.runs[job.id] = job


def _asked_for(state: Expansion, nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield the nodes of users' kinds that the study asks for, each once; mistakes are noted."""
    known = {item.id for item in nodes}
    for kind, options in state.study.nodes.items():
        try:
            cls: Any = find_kind(kind)
            if not hasattr(cls, "plan"):
                raise LayerlabError(
                    f"nodes of kind {kind!r} cannot be asked for: the study makes them itself"
                )
            for item in cls.plan(options, state.study, nodes):
                if item.id not in known:
                    known.add(item.id)
                    yield item
        except LayerlabError as error:
            state.note(f"nodes.{kind}", error)


def _data_of(study: Grid, task: str) -> DataSpec:
    """Return where a task's corpora are, in a form that holds for workers in any directory."""
    return study.data_for(task).resolved()


def _columns(state: Expansion, here: Coordinates) -> dict[str, Any]:
    ablation = here.ablation
    return {
        "study": state.study.name,
        "model": state.labels[here.checkpoint.name],
        "task": here.task,
        "ablation": ablation.name,
        "phase": ablation.phase,
        "intervention": ablation.kind,
        "layers": ablation.layers,
        "first_layer": ablation.first_layer,
        "last_layer": ablation.last_layer,
        "donor": ablation.donor,
        "source": here.source,
        "seed": here.seed,
        "sweep": ablation.sweep,
        "options": ablation.options,
        "main_metric": get_task(here.task).metric,
    }


def _add_fit(state: Expansion, here: Coordinates, stack: tuple[str, ...]) -> Fit:
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
        word=word_of(state, here.checkpoint, task.name),
    )
    pretraining = state.pretrainings.get(here.checkpoint.name)
    job = Fit(
        spec=spec,
        model=state.labels[here.checkpoint.name],
        location=here.checkpoint.location,
        revision=here.checkpoint.revision,
        source=here.source,
        before=before,
        during=during,
        data=_data_of(state.study, here.task),
        training=state.study.training,
        needs=tuple(needs),
        pretraining=pretraining.id if pretraining is not None else None,
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
    if isinstance(donor, str) and donor != "pretrained":
        found = find_donor(donor, here.checkpoint)
        return replace(item, donor=found.reference)  # type: ignore[type-var]
    if not isinstance(donor, FitDonor):
        return item
    if donor.fit is not None:
        raise LayerlabError("a donor is given by source, seed, task or ablation; `fit` is found from them")
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
