"""A plan: the nodes of a study, each once, in an order that can be carried out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from layerlab.errors import Problem, StudyError, unknown
from layerlab.names import plural
from layerlab.nodes.node import N, Node, is_result
from layerlab.study.grid import Grid


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

    study: Grid
    nodes: tuple[Node, ...]
    sentences: Mapping[tuple[str, str], int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    whole: Plan | None = None

    def __repr__(self) -> str:
        return f"<Plan {self.study.name}: {self.counted()}>"

    def counted(self) -> str:
        """Say how many results there are and what they rest on, such as ``8 runs over 6 fits``."""
        scored = Counter(item.kind for item in self.nodes if is_result(item))
        others = Counter(item.kind for item in self.nodes if not is_result(item))
        parts = [
            ", ".join(f"{n} {plural(kind)}" for kind, n in reversed(list(one.items())))
            for one in (scored, others)
        ]
        return " over ".join(filter(None, parts))

    @property
    def all_nodes(self) -> tuple[Node, ...]:
        """Its nodes, or of a selection those of the whole plan."""
        return (self.whole or self).nodes

    def by_kind(self) -> dict[str, list[str]]:
        """Return the ids of its nodes by kind, in their order."""
        ids: dict[str, list[str]] = {}
        for item in self.nodes:
            ids.setdefault(item.kind, []).append(item.id)
        return ids

    def of(self, cls: type[N]) -> tuple[N, ...]:
        """Return the nodes of a kind."""
        return tuple(item for item in self.nodes if isinstance(item, cls))

    def select(self, **columns: Any) -> Self:
        """Return the part of the plan whose results have these columns, with the nodes that they need.

        Args:
            **columns: Column of the records (model, task, ablation, source, seed...) and its value as
                text, or several values.

        Raises:
            StudyError: There is no such column, or no result has this value.
        """
        scored = [item for item in self.nodes if is_result(item)]
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


def _is_several(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | bytes)
