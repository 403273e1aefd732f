"""The records of a store's nodes, as they lie on disk: one schema, written and read here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from layerlab.analysis.stored.naming import unpack_columns
from layerlab.analysis.stored.seal import RECORD
from layerlab.errors import RecordsError
from layerlab.validation import validate

Where = str | PathLike[str]
_OPTIONAL = ("floor", "intervention")


class ScoreRow(BaseModel):
    """One value of a run.

    Attributes:
        target: Language or treebank that it was computed on.
        split: ``test``; ``parallel`` for measures of alignment; ``weights`` for those of weights.
        metric: Name of the metric or measure.
        value: As a fraction.
        n: What the value rests on, such as words or sentences.
        layer: Level of a measure, 0 being the embeddings; None for a score.
        floor: What answering the commonest label everywhere would score; None where that is not known.
        intervention: What the states went through that it was computed on; None for what the run says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    split: str
    metric: str
    value: float | None
    n: int | None = None
    layer: int | None = None
    floor: float | None = None
    intervention: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values; floor and intervention are left out where there are none."""
        return self.model_dump(exclude={name for name in _OPTIONAL if getattr(self, name) is None})


class Record(BaseModel):
    """What a complete node leaves.

    Attributes:
        kind: Kind of the node.
        id: Its identity.
        about: Names and coordinates, such as model, task and seed.
        facts: Cost, hardware, versions, receipts and what else its kind notes.
        scores: Values that become rows of the tidy records.
        spec: What determines its numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    id: str
    about: Mapping[str, Any] = Field(default_factory=dict)
    facts: Mapping[str, Any] = Field(default_factory=dict)
    scores: tuple[ScoreRow, ...] = ()
    spec: Mapping[str, Any] = Field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write ``record.json`` into a folder."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        (folder / RECORD).write_text(text, encoding="utf-8")

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as ``record.json`` has them."""
        plain: dict[str, Any] = {self.kind: dict(self.about)}
        if self.scores:
            plain["scores"] = [score.to_json() for score in self.scores]
        if self.spec:
            plain["spec"] = dict(self.spec)
        return plain | {"node": dict(self.facts)}


@dataclass(frozen=True)
class Stored:
    """A node of a store: its kind, its folder, and the names that the current plan gives it."""

    kind: str
    folder: Path
    columns: Mapping[str, Any]

    def read(self) -> Record:
        """Read the node's record; names of the current plan come before those that it was written with.

        Raises:
            RecordsError: The record cannot be read or is none.
        """
        return record_of(read_json(self.folder / RECORD), self.kind, self.folder, self.columns)


def record_of(plain: Mapping[str, Any], kind: str, folder: Path, columns: Mapping[str, Any]) -> Record:
    """Return the record that a node's file holds.

    Args:
        plain: What the file holds.
        kind: Of the node.
        folder: The node's.
        columns: Names of the current plan, which come before those that it was written with.

    Raises:
        RecordsError: It is no record of this kind.
    """
    about = plain.get(kind)
    fields = {
        "kind": kind,
        "id": folder.name,
        "about": {**about, **columns} if isinstance(about, dict) else about,
        "facts": plain.get("node") or {},
        "scores": plain.get("scores") or (),
        "spec": plain.get("spec") or {},
    }
    made, problems = validate(Record, fields)
    if made is None:
        raise RecordsError(f"{folder / RECORD} is no record of a {kind}: {problems[0]}")
    return made


class Manifest(BaseModel):
    """Which nodes belong to a store's current plan.

    Attributes:
        study: Name of the study.
        nodes: Ids by kind, in the order of the plan.
        scored: Kinds whose records have scores.
        columns: Names that the plan gives nodes, by id; a node's id does not depend on them.
        imports: Modules that workers import.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    study: str = ""
    nodes: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    scored: tuple[str, ...] = ("run",)
    columns: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    imports: tuple[str, ...] = ()

    @classmethod
    def read(cls, store: Path) -> Manifest:
        """Read the manifest of a store; older ones list ids as ``runs``, ``fits`` and ``pretrainings``.

        Raises:
            RecordsError: It is not there, or is damaged.
        """
        path = store / "manifest.json"
        plain = read_json(path)
        if "nodes" not in plain:
            kinds = ("pretraining", "fit", "run")
            plain["nodes"] = {kind: plain[f"{kind}s"] for kind in kinds if plain.get(f"{kind}s")}
        try:
            columns = unpack_columns(plain.get("columns") or {})
        except ValueError as error:
            raise RecordsError(f"{path}: {error}; run the study again to write the manifest anew") from error
        made, problems = validate(cls, {**plain, "columns": columns})
        if made is None:
            raise RecordsError(f"{path}: {problems[0]}; run the study again to write the manifest anew")
        return made


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises:
        RecordsError: The file cannot be read or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecordsError(f"cannot read {path}: {error}") from error
    if not isinstance(value, dict):
        raise RecordsError(f"{path} holds a JSON {type(value).__name__}, expected an object")
    return value
