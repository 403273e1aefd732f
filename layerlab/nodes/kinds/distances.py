"""Distances of a study's targets from their sources, as a node, so that its records hold them.

A study asks for it with ``nodes: {distances: {table: distances.csv}}``: one node a model, task and source.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from layerlab.analysis.stored.record import Record, ScoreRow
from layerlab.data.formats.distances import Distances, read_distances
from layerlab.errors import DataError
from layerlab.names import DISTANCE
from layerlab.nodes.facts import Facts
from layerlab.nodes.identity import digest
from layerlab.nodes.kinds.fields import columns_beside, read_node
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.places import read_options
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.node import Node, Work, node
from layerlab.targets import is_own
from layerlab.tasks.task import get_task


class DistanceOptions(BaseModel):
    """What a study says of its distances.

    Attributes:
        table: A CSV file with the columns source, target, distance and value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: Path


@node
class LanguageDistances(BaseModel):
    """The distances of one source's targets.

    Attributes:
        columns: The record's columns that name them.
        values: By kind of distance and target.
        lacking: By kind the targets that the table does not have.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str] = "distances"
    removable: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[bool] = False
    scored: ClassVar[bool] = True

    columns: Mapping[str, Any]
    values: Mapping[str, Mapping[str, float]]
    lacking: Mapping[str, tuple[str, ...]]

    @property
    def id(self) -> str:
        """Their identity: the numbers and what they are of."""
        names = {name: self.columns[name] for name in ("model", "task", "source")}
        return digest({"kind": self.kind, **names, "values": self.values})

    @property
    def needs(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    @property
    def title(self) -> str:
        """One line for progress and messages."""
        return f"distances from {self.columns['source']}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the store."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> LanguageDistances:
        """Read plain values of the store back."""
        return read_node(cls, plain)

    @classmethod
    def plan(cls, options: Any, study: Any, nodes: Sequence[Node]) -> Iterator[LanguageDistances]:
        """Yield the distances of every model, task and source of a study.

        Raises:
            StudyError: The options make no sense.
            DataError: The table cannot be read, or has no pair of the study.
        """
        read = read_options(DistanceOptions, options, cls.kind)
        table = read_distances(read.table)
        fits = {item.id: item for item in nodes if isinstance(item, Fit)}
        made: dict[tuple[str, str, str], LanguageDistances] = {}
        for run in (item for item in nodes if isinstance(item, Run)):
            fit = fits[run.fit]
            place = (fit.model, fit.spec.task, fit.source)
            if place not in made:
                made[place] = _distances_of(table, fit, run, study.name)
        if made and not any(values for one in made.values() for values in one.values.values()):
            known = sorted({name for pairs in table.values.values() for pair in pairs for name in pair})
            raise DataError(
                f"{table.where}: no distance between a source and a target of the study; it has the "
                f"languages {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}"
            )
        yield from made.values()

    def execute(self, work: Work) -> None:
        """Write them as a record."""
        started = time.monotonic()
        rows = tuple(
            ScoreRow(target=target, split=DISTANCE, metric=kind, layer=0, value=value)
            for kind, values in self.values.items()
            for target, value in values.items()
        )
        facts = Facts.gather(work.settings.device, time.monotonic() - started, lacking=dict(self.lacking))
        record = Record(
            kind=self.kind,
            id=self.id,
            about={**self.columns, "run_id": self.id},
            facts=facts.model_dump(),
            scores=rows,
        )
        with work.publish(self) as folder:
            record.write(folder)


def _distances_of(table: Distances, fit: Fit, run: Run, study: str) -> LanguageDistances:
    targets = [target for target in run.spec.targets if not is_own(target, fit.source)]
    values: dict[str, dict[str, float]] = {}
    lacking: dict[str, tuple[str, ...]] = {}
    for kind in table.values:
        found = {target: table.between(kind, fit.source, target) for target in targets}
        values[kind] = {target: value for target, value in found.items() if value is not None}
        lacking[kind] = tuple(target for target in targets if target not in values[kind])
    metric = get_task(fit.spec.task).metric
    about = columns_beside({"study": study, **fit.columns}, DISTANCE, metric)
    return LanguageDistances(columns=about, values=values, lacking=lacking)
