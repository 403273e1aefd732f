"""Identities: what can change a number is digested, what cannot is left out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from layerlab.ablation.interventions import FitDonor, Intervention, to_dict
from layerlab.models.checkpoints import Checkpoint, find_checkpoint
from layerlab.tasks.words import Word

# Raised when the meaning of a specification changes without a change of its text, so that old results
# are not taken for new ones.
SPEC_VERSION = 1


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN.

    >>> canonical_json({"b": 1.0, "a": [1, "é"]})
    '{"a":[1,"é"],"b":1.0}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """Return 12 hexadecimal digits that stand for a value's canonical JSON.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:12]


def identity_of(
    intervention: Intervention, find: Callable[[str], Checkpoint] = find_checkpoint
) -> dict[str, Any]:
    """Return an intervention's plain form with its donor replaced by what identifies the donor's weights.

    ``find`` finds the checkpoint of a donor.
    """
    plain = to_dict(intervention)
    donor = getattr(intervention, "donor", None)
    if isinstance(donor, FitDonor):
        identity: Any = {"fit": donor.fit}
    elif isinstance(donor, str) and donor != "pretrained":
        identity = {"checkpoint": find(donor).digest}
    else:
        return plain
    return {kind: {**fields, "donor": identity} for kind, fields in plain.items()}


@dataclass(frozen=True)
class FitSpec:
    """Everything that determines the numbers of one fine-tuning.

    Attributes:
        checkpoint: Digest of the pretrained weights and tokenizer, or Hub id and resolved revision.
        task: Name of the task.
        task_version: Raised when a task's encoding, head or scores change.
        corpora: Digest of the source's ``train`` and ``dev`` splits; of several languages, by language.
        before: Interventions before fine-tuning, donors replaced by their identities.
        during: Interventions with their time, likewise.
        seed: The run's seed.
        training: Hyper-parameters.
        word: What stands for a word of several word-pieces.
        language: Whose parts read the source, where languages have parts of their own; else empty.
    """

    checkpoint: str
    task: str
    task_version: int
    corpora: Mapping[str, str | Mapping[str, str]]
    before: tuple[Mapping[str, Any], ...]
    during: tuple[Mapping[str, Any], ...]
    seed: int
    training: Mapping[str, Any]
    spec_version: int = SPEC_VERSION
    word: Word = "first"
    language: str = ""

    def corpora_of(self, split: str, source: str) -> dict[str, str]:
        """Return the digests of a split of each language of the source, in the order of their names."""
        found = self.corpora[split]
        return {source: found} if isinstance(found, str) else dict(sorted(found.items()))

    @cached_property
    def id(self) -> str:
        """The fit's identity: 12 hexadecimal digits; with first pieces that of version 0.1.0."""
        plain = _fields_of(self)
        if self.word == "first":
            del plain["word"]
        if not self.language:
            del plain["language"]
        return digest({"kind": "fit", **plain})


@dataclass(frozen=True)
class RunSpec:
    """Everything that determines the numbers of one evaluation of a fit.

    Attributes:
        fit: Id of the fit.
        after: Interventions after fine-tuning, donors replaced by their identities.
        targets: Digest of each target language's test split.
        measures: What is measured beside scores, with digests of the parallel sentences; None for nothing.
    """

    fit: str
    after: tuple[Mapping[str, Any], ...]
    targets: Mapping[str, str]
    spec_version: int = SPEC_VERSION
    measures: Mapping[str, Any] | None = None

    @cached_property
    def id(self) -> str:
        """The run's identity: 12 hexadecimal digits; without measures that of scores alone."""
        plain = _fields_of(self)
        if self.measures is None:
            del plain["measures"]
        return digest({"kind": "run", **plain})


@dataclass(frozen=True)
class TrajectorySpec:
    """Everything that determines the numbers of one trajectory.

    Attributes:
        fit: Id of the fit, which does not depend on whether there is a trajectory of it.
        every: When scores are taken: ``epochs``, or the number of steps.
        targets: Digest of each target language's test split.
    """

    fit: str
    every: str | int
    targets: Mapping[str, str]
    spec_version: int = SPEC_VERSION

    @cached_property
    def id(self) -> str:
        """The trajectory's identity: 12 hexadecimal digits."""
        return digest({"kind": "trajectory", **_fields_of(self)})


def _fields_of(spec: FitSpec | RunSpec | TrajectorySpec) -> dict[str, Any]:
    """Return a specification's fields by name; their values are plain already."""
    return {field.name: getattr(spec, field.name) for field in fields(spec)}
