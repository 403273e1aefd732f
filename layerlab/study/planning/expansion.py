"""From a study to a plan: the grid is expanded, selections and donors are resolved, mistakes collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from layerlab.ablation.ablation import Ablation
from layerlab.errors import LayerlabError, StudyError
from layerlab.models.checkpoints import Checkpoint
from layerlab.nodes.node import Node, Planned, find_kind
from layerlab.study.grid import Grid, baseline_is_missing
from layerlab.study.plan import Plan
from layerlab.study.planning.assembly import expand_grid
from layerlab.study.planning.copies import Copies
from layerlab.study.planning.findings import (
    Expansion,
    check_selection,
    check_source,
    check_task_keys,
    check_twins,
    find_corpora,
    find_measurements,
    note_plain_pairs,
)
from layerlab.study.planning.heads import check_heads
from layerlab.study.planning.languages import check_languages
from layerlab.study.planning.pretrained import find_models
from layerlab.study.planning.trajectories import trajectory_notes, watch_fits
from layerlab.study.planning.vocabulary import check_vocabularies
from layerlab.tasks.task import get_task


def expand(study: Grid, *, check: bool | Callable[[Sequence[Node]], bool] = True) -> Plan:
    """Expand a study into fits and runs; ``check`` may be a function of the nodes.

    Raises:
        StudyError: Everything that is wrong: unknown tasks, checkpoints that are not there, layers out of
            range, copies between layers that hold different parameters, languages without data and, with
            ``check``, corpora that cannot be read or labels that the source lacks.
    """
    state = Expansion(study)
    checkpoints = list(_find_checkpoints(state))
    check_twins(state, checkpoints)
    tasks = list(_known_tasks(state))
    check_task_keys(state)
    check_selection(state)
    note_plain_pairs(state, tasks)
    copies = Copies(study.seeds)
    for checkpoint in checkpoints:
        state.ablations[checkpoint.name] = _resolve_ablations(state, checkpoint, copies)
    for task in tasks:
        find_corpora(state, task)
    find_measurements(state, checkpoints, tasks)
    check_languages(state, checkpoints)
    if not state.problems:
        expand_grid(state, checkpoints, tasks)
    trajectories = watch_fits(state)
    nodes: tuple[Node, ...] = (
        *state.pretrainings.nodes.values(),
        *state.fits.values(),
        *state.runs.values(),
        *trajectories,
    )
    nodes += tuple(_asked_for(state, nodes))
    sentences: dict[tuple[str, str], int] = {}
    if check(nodes) if callable(check) else check:
        pairs = [(task, source) for task in tasks for source in study.sources]
        donors = [(fit.spec.task, fit.source) for fit in state.fits.values()]
        for task, source in dict.fromkeys([*pairs, *donors]):
            check_source(state, task, source, sentences)
        check_heads(state)
        check_vocabularies(state, checkpoints)
    if state.problems:
        raise StudyError(list(state.problems.values()), f"study {study.name!r}")
    notes = [*state.notes, *trajectory_notes(state, sentences)]
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
    for index, found in enumerate(find_models(state.study, state.pretrainings)):
        if isinstance(found, LayerlabError):
            state.note(f"models[{index}]", found)
        else:
            yield found


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
    spec = state.pretrainings.specs.get(checkpoint.name)
    for item in ablation.interventions:
        try:
            copies.check(item, checkpoint, spec)
        except LayerlabError as error:
            state.note(path, f"{ablation.name}: {error} (model {checkpoint.name})")


def _asked_for(state: Expansion, nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield the nodes of users' kinds that the study asks for, each once; mistakes are noted."""
    known = {item.id for item in nodes}
    for kind, options in state.study.nodes.items():
        try:
            cls = find_kind(kind)
            if not isinstance(cls, Planned):
                raise LayerlabError(
                    f"nodes of kind {kind!r} cannot be asked for: the study makes them itself"
                )
            for item in cls.plan(options, state.study, nodes):
                if item.id not in known:
                    known.add(item.id)
                    yield item
        except LayerlabError as error:
            state.note(f"nodes.{kind}", error)
