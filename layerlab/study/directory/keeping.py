"""Which fits of a study keep their weights on the disk, and until when.

Weights that others wait for are never removed, so that a kill loses nothing that is complete. A fit whose
runs follow in the same process needs none on the disk, unless its training took longer than a checkpoint's
interval: then they are written before its runs begin and go when these are complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.kinds.trajectory import Trajectory
from layerlab.nodes.node import Node
from layerlab.nodes.store.store import Store
from layerlab.study.directory.pruning import remove_weights

KEEP: Final[tuple[str, ...]] = ("needed", "all", "none")


class Keeping:
    """What becomes of the weights of a plan's fits.

    Attributes:
        donating: Ids of fits that other fits or runs take weights from, or nodes of other kinds read.
        stored: Ids of fits whose weights are read from the disk: those, and fits of runs that wait for more
            than their fit, which are carried out later.
    """

    def __init__(self, nodes: Iterable[Node], keep: str) -> None:
        """Read the nodes of a plan, see :attr:`layerlab.study.plan.Plan.all_nodes`.

        Args:
            nodes: All of them.
            keep: ``needed``, ``all`` or ``none``.
        """
        nodes = list(nodes)
        self.keep = keep
        self._fits = {item.id: item for item in nodes if isinstance(item, Fit)}
        self._needs = {item.id: item.needs for item in nodes}
        self._waiting: dict[str, list[Node]] = {}
        donating, stored = set[str](), set[str]()
        for item in nodes:
            for need in item.needs:
                self._waiting.setdefault(need, []).append(item)
            # A trajectory reads no weights, though a replay of its fit takes the same donors again.
            own = item.needs if isinstance(item, Trajectory) else item.needs[: isinstance(item, Run)]
            donating.update(item.needs[len(own) :])
            stored.update(item.needs if len(item.needs) > len(own) else ())
        self.donating = frozenset(donating & self._fits.keys())
        self.stored = frozenset(stored & self._fits.keys())

    def to_json(self) -> dict[str, object]:
        """Return what workers are told: which fits write their weights."""
        return {"keep": self.keep, "stored": sorted(self.stored)}

    def kept(self) -> set[str]:
        """Return the ids of fits whose weights are there when the plan is complete."""
        if self.keep == "all":
            return set(self._fits)
        return set(self.donating) if self.keep == "needed" else set()

    def clear(self, store: Store, node_ids: Iterable[str]) -> None:
        """Remove the weights of fits for which nothing in the plan waits any more.

        Args:
            store: The results directory.
            node_ids: Nodes that were just carried out; fits that they need are looked at too.
        """
        if self.keep == "all":
            return
        done = list(node_ids)
        near = dict.fromkeys([*done, *(need for one in done for need in self._needs.get(one, ()))])
        over = near.keys() & self._fits.keys() - self.kept()
        remove_weights(store, [self._fits[one] for one in over if self._is_over(store, self._fits[one])])

    def _is_over(self, store: Store, fit: Fit) -> bool:
        waiting = (fit, *self._waiting.get(fit.id, ()))
        return all(store.is_done(item.kind, item.id) for item in waiting)
