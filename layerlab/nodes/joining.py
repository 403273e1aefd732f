"""Nodes that are carried out together because they share work, each of them published alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Protocol, cast, runtime_checkable

from layerlab.nodes.node import Node, Work
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.sharing import is_shared


@runtime_checkable
class Joining(Protocol):
    """A kind of node that can carry out several of its nodes together.

    It is a shortcut: each node gets the record that it would get alone.
    """

    @classmethod
    def join(cls, nodes: Sequence[Any], settings: WorkSettings) -> Sequence[Sequence[Any]]:
        """Return groups of nodes that share work, in the order in which they are carried out.

        It looks at the nodes' values alone, and a node that shares nothing is a group of its own. Where the
        settings do not allow the shortcut, every group has one node.

        Args:
            nodes: Of this kind.
            settings: Says which shortcuts are switched on.
        """
        ...

    @classmethod
    def execute_together(cls, nodes: Sequence[Any], work: Work) -> None:
        """Carry out a group and publish each node as soon as it is complete.

        After an error, and also after none, the nodes that are not published are carried out alone.

        Args:
            nodes: Two or more of a group; those that others hold or that are complete are not among them.
            work: Reports to every node of the group; ``work.of(node)`` reports to one.
        """
        ...


def can_join(kind: type[Node]) -> bool:
    """Return whether several nodes of a kind may be carried out together in this process."""
    return isinstance(kind, Joining) and not is_shared()


def join_nodes(nodes: Sequence[Node], settings: WorkSettings) -> list[list[Node]]:
    """Return nodes in the groups that their kinds make of them; nodes of a kind without groups stay alone.

    Raises:
        ValueError: A kind's groups do not hold each of its nodes once.
    """
    groups: list[list[Node]] = []
    for kind, found in itertools.groupby(nodes, type):
        same = list(found)
        if len(same) == 1 or not can_join(kind):
            groups += [[item] for item in same]
            continue
        joined = [list(group) for group in cast(Joining, kind).join(same, settings) if group]
        if sorted(item.id for group in joined for item in group) != sorted(item.id for item in same):
            raise ValueError(f"{kind.__name__}.join must return each of its {len(same)} nodes once")
        groups += joined
    return groups
