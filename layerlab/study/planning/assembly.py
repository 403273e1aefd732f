"""The fits and runs of a grid, each made once; what many of them share is found once."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import FitDonor, Intervention
from layerlab.data.catalog.corpus import DataSpec
from layerlab.errors import LayerlabError, unknown
from layerlab.models.checkpoints import Checkpoint, find_checkpoint
from layerlab.nodes.identity import FitSpec, RunSpec, identity_of
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.study.planning.copies import find_donor
from layerlab.study.planning.findings import Coordinates, Expansion
from layerlab.study.planning.languages import spoken_source
from layerlab.study.planning.words import word_of
from layerlab.targets import misnamed_source, sources_of
from layerlab.tasks.task import get_task


def expand_grid(state: Expansion, checkpoints: Iterable[Checkpoint], tasks: Iterable[str]) -> None:
    """Make the fits and runs of a grid; mistakes are noted."""
    study, assembly = state.study, Assembly(state)
    for checkpoint in checkpoints:
        for task in tasks:
            for source in study.sources:
                for seed in study.seeds:
                    own = state.pretrainings.checkpoint_for(checkpoint, seed)
                    for name, ablation in state.ablations[checkpoint.name].items():
                        here = Coordinates(own, task, source, seed, ablation)
                        try:
                            assembly.add_run(here)
                        except LayerlabError as error:
                            state.note(f"ablation {name!r}", error)


def name_ablation(ablation: Ablation) -> dict[str, Any]:
    """Return the columns of records that name an ablation; source and seed are yet to be filled in."""
    return {
        "ablation": ablation.name,
        "phase": ablation.phase,
        "intervention": ablation.kind,
        "layers": ablation.layers,
        "first_layer": ablation.first_layer,
        "last_layer": ablation.last_layer,
        "donor": ablation.donor,
        "source": "",
        "seed": 0,
        "sweep": ablation.sweep,
        "options": ablation.options,
    }


@dataclass
class Assembly:
    """Makes fits and runs.

    Attributes:
        state: Where they go.
        made: Fits by where they stand in the grid, and the ablation if it begins before the end of training.
        named: Columns of runs by checkpoint, task and ablation; source and seed are yet to be filled in.
    """

    state: Expansion
    made: dict[tuple[str, str, str, int, str], Fit] = field(default_factory=dict)
    named: dict[tuple[str, str, str], Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A study has few tasks, sources and donors, and many runs.
        self.data = functools.cache(self._data)
        self.corpora = functools.cache(self._corpora)
        self.training = functools.cache(self._training)
        self.targets = functools.cache(self._targets)
        self.word_of = functools.cache(functools.partial(word_of, self.state))
        self.find_donor = functools.cache(find_donor)
        self.find_checkpoint = functools.cache(find_checkpoint)

    def add_run(self, here: Coordinates) -> None:
        """Make a run and the fits that it needs.

        Raises:
            LayerlabError: It does the same as another one, or a donor cannot be found.
        """
        state, ablation = self.state, here.ablation
        fit = self.add_fit(here, ())
        needs: list[str] = []
        after = tuple(self._resolve_donor(item, here, fit.id, needs, ()) for item in ablation.after)
        measures = state.measurements.get((here.task, here.source, here.checkpoint.name))
        spec = RunSpec(
            fit.id,
            tuple(identity_of(item, self.find_checkpoint) for item in after),
            self.targets(here.task, here.source, here.checkpoint.name),
            measures=measures.identity if measures is not None else None,
        )
        same = state.runs.get(spec.id)
        if same is not None and same.columns["ablation"] != ablation.name:
            raise LayerlabError(f"does the same as ablation {same.columns['ablation']!r}; keep one of them")
        state.runs[spec.id] = Run(
            spec=spec,
            columns=self._columns(here),
            after=after,
            data=self.data(here.task),
            needs=tuple(needs),
            measures=measures,
        )

    def add_fit(self, here: Coordinates, stack: tuple[str, ...]) -> Fit:
        """Return the fit of coordinates, which joins the plan with those that donate to it.

        Args:
            here: The coordinates.
            stack: Ablations that wait for it as a donor.

        Raises:
            LayerlabError: A donor cannot be found.
        """
        ablation = here.ablation
        begins = ablation.name if ablation.before or ablation.during else ""
        key = (here.checkpoint.name, here.task, here.source, here.seed, begins)
        if key not in self.made:
            self.made[key] = self._make_fit(here, stack)
        return self.made[key]

    def _make_fit(self, here: Coordinates, stack: tuple[str, ...]) -> Fit:
        state, task = self.state, get_task(here.task)
        needs: list[str] = []
        before = tuple(self._resolve_donor(item, here, "", needs, stack) for item in here.ablation.before)
        during = tuple(
            Timed(timed.at, self._resolve_donor(timed.intervention, here, "", needs, stack))
            for timed in here.ablation.during
        )
        find = self.find_checkpoint
        spec = FitSpec(
            checkpoint=here.checkpoint.digest,
            task=task.name,
            task_version=task.version,
            corpora=self.corpora(here.task, here.source),
            before=tuple(identity_of(item, find) for item in before),
            during=tuple({"at": timed.at, **identity_of(timed.intervention, find)} for timed in during),
            seed=here.seed,
            training=self.training(here.task, here.source),
            word=self.word_of(here.checkpoint, task.name),
            language=spoken_source(here.source, here.checkpoint),
        )
        if spec.id in state.fits:
            return state.fits[spec.id]
        pretraining = state.pretrainings.node_for(here.checkpoint.name, here.seed)
        state.fits[spec.id] = Fit(
            spec=spec,
            model=state.labels[here.checkpoint.name],
            location=here.checkpoint.location,
            revision=here.checkpoint.revision,
            source=here.source,
            before=before,
            during=during,
            data=self.data(here.task),
            training=state.study.training_for(task.name),
            needs=tuple(needs),
            pretraining=pretraining.id if pretraining is not None else None,
            languages=here.checkpoint.languages,
        )
        return state.fits[spec.id]

    def _training(self, task: str, source: str) -> Mapping[str, Any]:
        """Return the hyper-parameters that count in a fit's identity, as plain values.

        ``mixing`` counts where a source is several languages, ``select_by`` in fits of its tasks, and
        ``l2_sp`` where it is above 0.
        """
        counted = self.state.study.training_for(task).model_dump(mode="json")
        metric = counted.pop("select_by").get(task)
        if metric is not None and metric != get_task(task).metric:
            counted["select_by"] = metric
        if len(sources_of(source)) == 1:
            del counted["mixing"]
        if not counted["l2_sp"]:
            del counted["l2_sp"]
        return counted

    def _data(self, task: str) -> DataSpec:
        """Return where a task's corpora are, in a form that holds for workers in any directory."""
        return self.state.study.data_for(task).resolved()

    def _corpora(self, task: str, source: str) -> dict[str, str | Mapping[str, str]]:
        if wrong := misnamed_source(source):
            raise LayerlabError(wrong)
        corpora: dict[str, str | Mapping[str, str]] = {}
        for split in ("train", "dev"):
            digests = {name: self._digest(task, name, split) for name in sources_of(source)}
            twice = [name for name, one in digests.items() if list(digests.values()).count(one) > 1]
            if twice and split == "train":
                raise LayerlabError(f"source {source!r}: {' and '.join(twice)} have the same training split")
            corpora[split] = digests if len(digests) > 1 else digests[source]
        return corpora

    def _digest(self, task: str, language: str, split: str) -> str:
        ref = self.state.corpus(task, language, split)
        if ref is None:
            raise LayerlabError(f"source {language!r} of a donor has no {split} split for task {task!r}")
        return ref.digest

    def _targets(self, task: str, source: str, model: str) -> dict[str, str]:
        targets = self.state.study.targets_for(source, model)
        found = {target: self.state.corpus(task, target, "test") for target in targets}
        return {target: ref.digest for target, ref in found.items() if ref is not None}

    def _columns(self, here: Coordinates) -> dict[str, Any]:
        key = (here.checkpoint.name, here.task, here.ablation.name)
        if key not in self.named:
            self.named[key] = {
                "study": self.state.study.name,
                "model": self.state.labels[here.checkpoint.name],
                "task": here.task,
                **name_ablation(here.ablation),
                "main_metric": get_task(here.task).metric,
                **self.state.pretrainings.columns.get(here.checkpoint.name, {}),
            }
        return {**self.named[key], "source": here.source, "seed": here.seed}

    def _resolve_donor(
        self, item: Intervention, here: Coordinates, own_fit: str, needs: list[str], stack: tuple[str, ...]
    ) -> Intervention:
        """Replace a donor given by coordinates by the id of its fit, which joins the plan."""
        donor = getattr(item, "donor", None)
        if isinstance(donor, str) and donor != "pretrained":
            found = self.find_donor(donor, here.checkpoint)
            return replace(item, donor=found.reference)  # type: ignore[type-var]
        if not isinstance(donor, FitDonor):
            return item
        if donor.fit is not None:
            raise LayerlabError(
                "a donor is given by source, seed, task or ablation; `fit` is found from them"
            )
        known = self.state.ablations[here.checkpoint.name]
        name = donor.ablation or "none"
        if name in stack:
            raise LayerlabError(f"ablations donate to each other in a circle: {' -> '.join((*stack, name))}")
        if name != "none" and name not in known:
            raise LayerlabError(unknown("ablation of a donor", name, known))
        seed = here.seed if donor.seed is None else donor.seed
        there = Coordinates(
            checkpoint=self.state.pretrainings.checkpoint_for(here.checkpoint, seed),
            task=donor.task or here.task,
            source=donor.source or here.source,
            seed=seed,
            ablation=known.get(name, Ablation.none()),
        )
        fit = self.add_fit(there, (*stack, name))
        if fit.id == own_fit:
            raise LayerlabError(
                f"the donor is the run's own fit; name another source, seed, task or ablation (source "
                f"{there.source!r}, seed {there.seed}, ablation {name!r})"
            )
        needs.append(fit.id)
        return replace(item, donor=FitDonor(fit=fit.id))  # type: ignore[type-var]
