"""A plan as text: what will be done, how much, at what cost, and what is done already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from layerlab.finetuning.every import Every, Steps
from layerlab.names import plural, visible
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.pretraining import Pretraining
from layerlab.nodes.store.store import Store
from layerlab.study.costs.cost import plan_cost
from layerlab.study.costs.description import describe_cost, describe_pretraining
from layerlab.study.costs.pace import describe_pace, n_steps
from layerlab.study.costs.pretraining import pretraining_cost
from layerlab.study.directory.pruning import find_awaited
from layerlab.study.directory.status import done_nodes
from layerlab.study.plan import Plan
from layerlab.study.precision import precision_notes


def describe_plan(
    plan: Plan, store: Store | None = None, *, cost_as: str | None = None, flops: float | None = None
) -> str:
    """Return a plan as text.

    Args:
        plan: What to describe.
        store: Results folder, to say what is done already.
        cost_as: Encoder whose cost is shown instead of the study's own, such as
            ``bert-base-multilingual-cased``.
        flops: Effective FLOP/s of one GPU; by the training's precision if None.

    Raises:
        CheckpointError: ``cost_as`` is not known and no configuration of it is found.
    """
    study = plan.study
    fits = plan.of(Fit)
    lines = [
        f"study      {study.name}",
        f"models     {', '.join(dict.fromkeys(fit.model for fit in fits))}",
        f"tasks      {', '.join(study.tasks)}",
        f"sources    {', '.join(study.sources)}",
        f"targets    {', '.join(study.targets) or 'the source only'}",
        f"seeds      {', '.join(map(str, study.seeds))}",
        *([f"measures   {', '.join(study.measures.names)}"] if study.measures else []),
        *([f"trajectory {_describe_every(study.trajectory)}"] if study.trajectory else []),
        *_describe_pretrainings(plan.of(Pretraining)),
        "ablations",
    ]
    scored = [item for item in plan.nodes if item.scored]
    counts = Counter((str(item.columns.get("ablation", item.kind)), item.kind) for item in scored)
    width = max((len(name) for name, _ in counts), default=0)
    lines.extend(f"  {name:<{width}} {count:>4} {plural(kind)}" for (name, kind), count in counts.items())
    steps = sum(n_steps(plan, fit) for fit in fits)
    lines.append(f"total      {plan.counted()}, {steps:,} optimiser steps")
    lines.extend(describe_pretraining(pretraining_cost(plan), flops))
    if plan.sentences:  # else no corpus was read
        # Where fits differ, the slower precision is assumed.
        precision = "bf16" if {fit.training.precision for fit in fits} == {"bf16"} else "fp32"
        lines.extend(describe_cost(plan_cost(plan, cost_as), flops, precision))
    if store is not None:
        lines.extend(_describe_done(plan, store))
    lines.extend(f"note       {note}" for note in (*plan.notes, *precision_notes(plan.nodes)))
    return "\n".join(map(visible, lines))


def _describe_done(plan: Plan, store: Store) -> Iterator[str]:
    """Yield what is complete, and how long the rest takes by what was measured."""
    there = done_nodes(plan.nodes, store)
    done = Counter(item.kind for item in plan.nodes if item.id in there)
    yield f"done       {done['run']} runs, {done['fit']} fits in {store.root}"
    if again := find_awaited(plan, store):
        yield f"           {len(again)} of these fits are trained again: what is left needs their weights"
    if plan.sentences and (pace := describe_pace(plan, store, again)):
        yield f"time       {pace}"


def _describe_pretrainings(pretrainings: Iterable[Pretraining]) -> Iterator[str]:
    """Yield what is pretrained first, in words, those that differ in their seeds together."""
    alike: dict[tuple[str, int | None], list[Pretraining]] = {}
    for one in pretrainings:
        alike.setdefault((one.spec.name, one.step), []).append(one)
    for first, *rest in alike.values():
        seeds = f", seeds {', '.join(str(one.spec.seed) for one in (first, *rest))}" if rest else ""
        yield f"first      {first.title}, {first.step or first.spec.steps:,} steps{seeds}"


def _describe_every(every: Every) -> str:
    """Return when scores are recorded along training, in words.

    >>> _describe_every(Steps(steps=100))
    'source dev and targets after every epoch and every 100 steps'
    """
    between = f" and every {every.steps} steps" if isinstance(every, Steps) else ""
    return f"source dev and targets after every epoch{between}"
