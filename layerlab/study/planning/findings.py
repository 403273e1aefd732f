"""What is found while a study is expanded, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from layerlab.ablation.ablation import Ablation
from layerlab.data.catalog.corpus import CorpusRef, find_corpus
from layerlab.data.pairs import PAIR_FORMATS
from layerlab.data.spec import Controlled
from layerlab.errors import LayerlabError, Problem, unknown
from layerlab.models.checkpoints import Checkpoint, distinct_labels
from layerlab.nodes.kinds.evaluation.measurement import Measurement, plan_measurement
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.study.grid import Grid
from layerlab.study.planning.pretrained import Pretrainings
from layerlab.targets import sources_of
from layerlab.tasks.corpora import check_labels
from layerlab.tasks.task import get_task, known_tasks


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

    study: Grid
    problems: dict[tuple[str, str], Problem] = field(default_factory=dict)
    fits: dict[str, Fit] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    ablations: dict[str, dict[str, Ablation]] = field(default_factory=dict)
    corpora: dict[tuple[str, str, str], CorpusRef | None] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    pretrainings: Pretrainings = field(default_factory=Pretrainings)
    measurements: dict[tuple[str, str, str], Measurement] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    blank: dict[str, bool] = field(default_factory=dict)
    heads: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

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


def check_twins(state: Expansion, checkpoints: Sequence[Checkpoint]) -> None:
    """Refuse models that are the same, and name those apart that are called the same."""
    for index, checkpoint in enumerate(checkpoints):
        for other in checkpoints[:index]:
            if checkpoint.digest == other.digest:
                state.note(f"models[{index}]", f"{checkpoint.name} is the same checkpoint as {other.name}")
    state.labels.update(distinct_labels(checkpoints))


def check_task_keys(state: Expansion) -> None:
    """Refuse data or training for a task that the study does not have: the name may be misspelt."""
    for key, given in (("data", state.study.data), ("training", state.study.training)):
        if isinstance(given, Mapping):
            for task in given:
                if task not in state.study.tasks:
                    state.note(f"{key}.{task}", unknown("task of this study", task, state.study.tasks))


def find_corpora(state: Expansion, task: str) -> None:
    """Find the corpora of every source and target of a task; mistakes are noted."""
    for source in state.study.sources:
        for language in sources_of(source):
            for split in ("train", "dev"):
                state.corpus(task, language, split)
        for target in state.study.targets_for(source):
            state.corpus(task, target, "test")


def check_source(state: Expansion, task: str, source: str, sentences: dict[tuple[str, str], int]) -> None:
    """Read a source's corpora and compare labels; notes what is wrong and how large the training split is."""
    languages = sources_of(source)
    trains = [state.corpus(task, language, "train") for language in languages]
    others = [state.corpus(task, language, "dev") for language in languages]
    if source in state.study.sources:
        others.extend(state.corpus(task, target, "test") for target in state.study.targets_for(source))
    there = [ref for ref in trains if ref is not None]
    if len(there) < len(trains):
        return
    found = check_labels(get_task(task), there, [ref for ref in others if ref is not None])
    sentences[task, source], state.heads[task, source] = found.n_sentences, found.labels
    state.notes.update(dict.fromkeys(found.notes))
    for problem in found.problems:
        state.note("data", problem)


def note_plain_pairs(state: Expansion, tasks: Iterable[str]) -> None:
    """Note that plain inference pairs of controlled languages give a part of their labels away."""
    for task in tasks:
        controlled = state.study.data_for(task).controlled
        if (
            controlled is not None
            and controlled.nli == "plain"
            and set(get_task(task).formats) & {*PAIR_FORMATS}
        ):
            state.notes[
                f"{task}: premise and lengths of plain inference pairs give a part of the label away; "
                "data.controlled.nli: balanced makes pairs without that"
            ] = None


def check_selection(state: Expansion) -> None:
    """Note scores that no epoch can be chosen by; a task that does not say what it gives is trusted."""
    given = state.study.training
    for task, training in given.items() if isinstance(given, Mapping) else [("", given)]:
        path = ".".join(filter(None, ("training", task, "select_by")))
        for name, metric in training.select_by.items():
            if name not in known_tasks():
                state.note(path, unknown("task", name, known_tasks()))
                continue
            known = getattr(get_task(name), "metrics", ())
            if known and metric not in known:
                state.note(path, unknown(f"score of task {name}", metric, known))


def find_measurements(state: Expansion, checkpoints: Iterable[Checkpoint], tasks: Iterable[str]) -> None:
    """Find what the runs of every task, source and model measure; mistakes are noted."""
    study = state.study
    if study.measures is None:
        return
    found: dict[tuple[Controlled | None, str, tuple[str, ...]], Measurement] = {}
    models = [checkpoint.name for checkpoint in checkpoints]
    for task, source, model in product(tasks, study.sources, models):
        data, targets = study.data_for(task).resolved(), study.targets_for(source, model)
        # Tasks and models seldom differ in their parallel sentences.
        key = (data.controlled, source, targets)
        try:
            if key not in found:
                found[key] = plan_measurement(study.measures, data, source, targets)
            state.measurements[task, source, model] = found[key]
        except LayerlabError as error:
            state.note("measures", error)
