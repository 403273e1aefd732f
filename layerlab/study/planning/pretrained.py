"""Checkpoints of a study: those that are there, and those that it pretrains, perhaps one a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layerlab.errors import LayerlabError, Problem, StudyError
from layerlab.models.checkpoints import Checkpoint, find_checkpoint
from layerlab.nodes.kinds.pretraining import Pretraining, check_pretraining, checkpoint_of, is_pretraining
from layerlab.pretraining.spec import PretrainingSpec, read_spec
from layerlab.study.grid import Grid
from layerlab.study.pretrained import STEP, Pretrained, compared_with, split_step


@dataclass
class Pretrainings:
    """The encoders that a study pretrains.

    Attributes:
        nodes: By id, each after what it needs.
        by_seed: By model and seed of the study.
        specs: By model: a spec that stands for those of all seeds.
        columns: By model: what records say of how it was pretrained.
        whole: By pretraining and seed of its spec: what goes on to the last step. Texts are read for it once,
            whichever steps the study asks for.
    """

    nodes: dict[str, Pretraining] = field(default_factory=dict)
    by_seed: dict[tuple[str, int], tuple[Checkpoint, Pretraining]] = field(default_factory=dict)
    specs: dict[str, PretrainingSpec] = field(default_factory=dict)
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    whole: dict[tuple[str, int], Pretraining] = field(default_factory=dict)

    def checkpoint_for(self, checkpoint: Checkpoint, seed: int) -> Checkpoint:
        """Return the checkpoint of a model for a seed: its own, if it is pretrained with each."""
        return self.by_seed.get((checkpoint.name, seed), (checkpoint,))[0]

    def node_for(self, name: str, seed: int) -> Pretraining | None:
        """Return what pretrains a model for a seed; None for one that is there already.

        Raises:
            StudyError: The model is pretrained with each seed of the study, and this is none of them.
        """
        if name not in self.specs:
            return None
        if (name, seed) not in self.by_seed:
            seeds = ", ".join(str(one) for model, one in self.by_seed if model == name)
            message = f"{name} is pretrained with the study's seeds {seeds}, and not with {seed}"
            raise StudyError([Problem("seeds", message)], "pretrainings")
        return self.by_seed[name, seed][1]


def find_models(study: Grid, found: Pretrainings) -> Iterator[Checkpoint | LayerlabError]:
    """Yield the checkpoint of each model of a study, or what is wrong with it; pretrainings are added."""
    for name in study.models:
        try:
            yield _find(study, name, found)
        except LayerlabError as error:
            yield error


def _find(study: Grid, name: str, found: Pretrainings) -> Checkpoint:
    base, step = split_step(name)
    is_file = base not in study.pretrainings and is_pretraining(base)
    if base not in study.pretrainings and not is_file:
        return find_checkpoint(name)
    asked = study.pretrainings.get(base) or Pretrained(spec=base, seed="spec")
    config = None
    for seed in study.seeds if asked.seed == "paired" else study.seeds[:1]:
        spec = read_spec(asked.spec, asked.overrides(seed))
        if not is_file:
            spec = spec.model_copy(update={"name": base})
        # Seeds differ in nothing that can be wrong.
        config = config or check_pretraining(spec)
        node = _node(study, base, spec, step, found)
        # The location names it until it lies in a store; fits find it there by its id.
        called = spec.name if step is None else f"{spec.name}{STEP}{step}"
        location = Path(asked.spec).resolve().parent / called
        checkpoint = checkpoint_of(node, config, name, location)
        for one in [seed] if asked.seed == "paired" else study.seeds:
            found.by_seed[name, one] = checkpoint, node
    spec = found.specs[name] = found.by_seed[name, study.seeds[0]][1].spec
    found.columns[name] = {"step": spec.steps if step is None else step}
    against = "" if is_file or step is not None else compared_with(base, study.pretrainings)
    if against in study.models:
        found.columns[name]["against"] = against
    return found.by_seed[name, study.seeds[0]][0]


def _node(
    study: Grid, base: str, spec: PretrainingSpec, step: int | None, found: Pretrainings
) -> Pretraining:
    """Return what makes an encoder; it joins the plan with what it needs.

    Raises:
        StudyError: An encoder is asked for that would come after the last step.
    """
    steps = [one for other, one in map(split_step, study.models) if other == base and one is not None]
    if late := [one for one in steps if one > spec.steps]:
        message = f"{base}{STEP}{late[0]}: the pretraining has {spec.steps:,} steps"
        raise StudyError([Problem("models", message)], base)
    if (base, spec.seed) not in found.whole:
        # What is kept on the way changes no identity.
        kept = tuple(sorted({*spec.keep_at, *steps}))
        found.whole[base, spec.seed] = Pretraining.of(spec.model_copy(update={"keep_at": kept}))
    whole = found.whole[base, spec.seed]
    found.nodes.setdefault(whole.id, whole)
    node = whole if step in (None, spec.steps) else whole.at(step)
    return found.nodes.setdefault(node.id, node)
