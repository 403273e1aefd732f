"""A trajectory: the scores on source dev and on every target while a fit trains, as a node.

The fit is watched while it trains and publishes its trajectory itself, in one step with its own result. A fit
that was complete before its trajectory was asked for is trained once more, for the scores alone.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from layerlab.analysis.stored.seal import RECORD
from layerlab.nodes.identity import TrajectorySpec
from layerlab.nodes.kinds.fields import read_node
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.training.watched import KIND, Watched, publish_trajectory
from layerlab.nodes.node import Work, node, read_as
from layerlab.nodes.sharing import process_rank


@node
class Trajectory(BaseModel):
    """The trajectory of one fit.

    Attributes:
        fit: Id of the fit.
        watched: What is scored, and when.
        columns: The record's columns that name it: those of the ablation that the fit is of, source and seed.
        donors: Ids of the nodes that the fit takes weights from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    kind: ClassVar[str] = KIND
    removable: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[bool] = True
    scored: ClassVar[bool] = False

    fit: str
    watched: Watched
    columns: Mapping[str, Any]
    donors: tuple[str, ...] = Field(default=(), alias="needs")

    @property
    def spec(self) -> TrajectorySpec:
        """What determines its numbers."""
        return self.watched.spec(self.fit)

    @property
    def id(self) -> str:
        """The trajectory's identity."""
        return self.spec.id

    @property
    def needs(self) -> tuple[str, ...]:
        """The fit, and what it takes weights from."""
        return (self.fit, *self.donors)

    @property
    def title(self) -> str:
        """One line for progress and messages."""
        c = self.columns
        return f"trajectory {c['model']} {c['task']} {c['source']} seed {c['seed']} {c['ablation']}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the store."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Trajectory:
        """Read plain values of the store back."""
        return read_node(cls, plain)

    def execute(self, work: Work) -> None:
        """Train the complete fit once more, from a checkpoint if there is one, and publish the scores.

        Raises:
            DataError: A corpus is not what it was when the plan was made.
            CheckpointError: The checkpoint is not.
        """
        started = time.monotonic()
        work.kept.drop_used()
        fit = read_as(work.store, self.fit, Fit).model_copy(update={"watched": self.watched})
        result = fit.train(work, fit.prepare(work), self.id)
        if process_rank() > 0:
            return
        record = json.loads((work.store.folder(Fit.kind, self.fit) / RECORD).read_text(encoding="utf-8"))
        publish_trajectory(
            work,
            self.spec,
            fit.source,
            fit.training,
            result,
            seconds=time.monotonic() - started,
            fit_facts=record["node"],
        )
        shutil.rmtree(work.store.work(self.id), ignore_errors=True)
