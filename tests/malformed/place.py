"""A study, a spec, corpora, a checkpoint and parallel text: whole, until a case breaks one of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fixtures.pretrainings import PLAIN_SPEC

Command = tuple[str, ...]
PLAN: Command = ("plan", "study.yaml")


@dataclass
class Place:
    """Files below a folder, and the study and the spec that are written there last.

    Attributes:
        root: The folder, which is the current one.
        study: What ``study.yaml`` says.
        spec: What ``spec.yaml`` says.
    """

    root: Path
    study: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> Place:
        """Return a whole place."""
        study = {
            "name": "small",
            "models": ["encoder"],
            "tasks": ["upos"],
            "data": {"root": "data"},
            "sources": ["aa"],
            "targets": ["bb"],
            "training": {"epochs": 1, "learning_rate": 1e-3, "batch_size": 16},
        }
        return cls(root, study, json.loads(json.dumps(PLAIN_SPEC)))

    def write(self) -> None:
        """Write study and spec, unless they were written as text."""
        for name, plain in (("study.yaml", self.study), ("spec.yaml", self.spec)):
            if not (self.root / name).exists():
                (self.root / name).write_text(json.dumps(plain), encoding="utf-8")  # JSON is YAML


Breaking = Callable[[Place], object]


@dataclass(frozen=True)
class Case:
    """One malformed input.

    Attributes:
        break_it: What is done to a whole place.
        said: What the error says, in order: what was got, what is expected, what exists.
        command: The command line that meets it.
        status: Its exit status.
        pattern: A regular expression that the error matches, where words are not enough.
    """

    break_it: Breaking
    said: tuple[str, ...]
    command: Command = PLAN
    status: int = 2
    pattern: str = ""


def write(name: str, data: bytes | str) -> Breaking:
    """Replace a file."""

    def breaking(place: Place) -> None:
        path = place.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    return breaking


def edit(name: str, old: str, new: str) -> Breaking:
    """Replace the first occurrence of a text in a file."""

    def breaking(place: Place) -> None:
        text = (place.root / name).read_text(encoding="utf-8")
        assert old in text
        (place.root / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return breaking


def cut(name: str, size: int) -> Breaking:
    """Keep the first bytes of a file; of a negative size, leave out the last ones."""
    return lambda place: (place.root / name).write_bytes((place.root / name).read_bytes()[:size])


def remove(name: str) -> Breaking:
    """Remove a file or a folder."""

    def breaking(place: Place) -> None:
        path = place.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return breaking


def change(**changes: Any) -> Breaking:
    """Change keys of the study."""
    return lambda place: place.study.update(changes)


def change_spec(**changes: Any) -> Breaking:
    """Change keys of the spec."""
    return lambda place: place.spec.update(changes)


def all_of(*breakings: Breaking) -> Breaking:
    """Do several things, in order."""

    def breaking(place: Place) -> None:
        for one in breakings:
            one(place)

    return breaking
