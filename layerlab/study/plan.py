"""A plan: the nodes of a study, each once, in an order that can be carried out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlab.errors import Problem, StudyError, unknown
from layerlab.nodes.node import N, Node
from layerlab.study.study import Study

if TYPE_CHECKING:
    from layerlab.nodes.fit import Fit
    from layerlab.nodes.run import Run
    from layerlab.nodes.store.store import Store
    from layerlab.study.runner import Outcome


@dataclass(frozen=True)
class Plan:
    """The nodes of a study.

    Attributes:
        study: Where they come from.
        nodes: Each once, after those that it needs.
        sentences: Number of training sentences by (task, source), where the corpora were read.
        notes: What a user should know before running, such as a missing baseline.
        whole: The plan that this one was selected from; None for a whole plan.
    """

    study: Study
    nodes: tuple[Node, ...]
    sentences: Mapping[tuple[str, str], int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    whole: Plan | None = None

    def __repr__(self) -> str:
        kinds = dict.fromkeys(item.kind for item in self.nodes)
        counts = (f"{sum(item.kind == kind for item in self.nodes)} {kind}s" for kind in reversed(kinds))
        return f"<Plan {self.study.name}: {' over '.join(counts)}>"

    def of(self, cls: type[N]) -> tuple[N, ...]:
        """Return the nodes of a kind."""
        return tuple(item for item in self.nodes if isinstance(item, cls))

    @property
    def fits(self) -> tuple[Fit, ...]:
        """Fine-tunings, donors before those that need them."""
        from layerlab.nodes.fit import Fit

        return self.of(Fit)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Evaluations."""
        from layerlab.nodes.run import Run

        return self.of(Run)

    @property
    def text(self) -> str:
        """The study as YAML."""
        return self.study.to_yaml()

    def select(self, **columns: Any) -> Plan:
        """Return the part of the plan whose results have these columns, with the nodes that they need.

        Args:
            **columns: Column of the records (model, task, ablation, source, seed...) and its value as
                text, or several values.

        Raises:
            StudyError: There is no such column, or no result has this value.
        """
        scored = [item for item in self.nodes if item.scored]
        chosen = list(scored)
        for name, value in columns.items():
            texts = {str(one) for one in value} if _is_several(value) else {str(value)}
            known = {str(item.columns[name]) for item in scored if name in item.columns}
            if not known:
                names = {column for item in scored for column in item.columns}
                raise StudyError([Problem("only", unknown("column", name, names))])
            for text in sorted(texts - known):
                raise StudyError([Problem("only", unknown(name, text, known))])
            chosen = [item for item in chosen if str(item.columns.get(name)) in texts]
        needed = {item.id for item in chosen}
        for item in reversed(self.nodes):
            if item.id in needed:
                needed.update(item.needs)
        nodes = tuple(item for item in self.nodes if item.id in needed)
        return replace(self, nodes=nodes, whole=self.whole or self)

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
        from layerlab.study.outline import describe_plan

        return describe_plan(self, store, cost_as=cost_as, flops=flops)

    def run(self, folder: str | Path, **options: Any) -> Outcome:
        """Carry the plan out in a results folder; what is complete there is not done again.

        Args:
            folder: Results directory.
            **options: ``workers``, ``device``, ``progress`` and others of
                :func:`layerlab.study.runner.run_plan`.
        """
        from layerlab.study.runner import run_plan

        return run_plan(self, folder, **options)


def _is_several(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | bytes)
