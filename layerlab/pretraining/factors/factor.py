"""What a factor of a pretraining is, and the registry of factors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from layerlab.errors import Problem, StudyError, unknown
from layerlab.pretraining.text.corpus import Tokens
from layerlab.validation import validate

ENTRY_POINTS: Final = "layerlab.factors"
T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Surroundings:
    """What a factor can ask of the pretraining that it belongs to.

    Attributes:
        languages: The languages of the running text.
        drop: Language to the ids left out of its ``.tsv`` files.
        seed: The pretraining's seed.
        factors: All its factors by name.
    """

    languages: tuple[str, ...]
    drop: Mapping[str, Sequence[str]]
    seed: int
    factors: Mapping[str, Factor]


@runtime_checkable
class Factor(Protocol):
    """What a pretraining does beside masked LM on running text: it adds streams of sequences.

    A factor is a frozen pydantic model, whose fields are what a spec says of it; every field, and the content
    of every file, is part of the pretraining's identity.
    """

    @property
    def mask_rate(self) -> float | None:
        """Fraction of the ordinary tokens of its sequences to be predicted; None for that of the spec."""

    @property
    def mixes_languages(self) -> bool:
        """Whether its sequences hold words of several languages, so that alignment is taught."""

    def streams(self) -> Mapping[str, float]:
        """Return the names of its streams, each with its share of all sequences."""

    def files(self, around: Surroundings) -> Mapping[str, Path]:
        """Return the files that it reads, by language."""

    def check_spec(self, around: Surroundings) -> None:
        """Raise ValueError if it does not go with the rest of the spec; no file is read."""

    def check_files(self, around: Surroundings) -> None:
        """Raise DataError if a file that it reads is not there, before time is spent."""

    def stream(
        self, name: str, around: Surroundings, texts: Mapping[str, Sequence[str]], tokenizer: Any
    ) -> Tokens:
        """Return one of its streams: token ids of shape ``(tokens,)``, a separator after each paragraph.

        Args:
            name: Of the stream.
            around: The pretraining.
            texts: Language to the paragraphs of its running text.
            tokenizer: A fast Hugging Face tokenizer.
        """

    def describe(self, around: Surroundings) -> str:
        """Return what its sequences are, for the model card: ``20% are ...``."""


@dataclass(frozen=True)
class FactorKind:
    """A registered factor.

    Attributes:
        name: Its key in a spec.
        model: Its class.
        version: Raised when its streams change without a change of its fields.
    """

    name: str
    model: type[BaseModel]
    version: int


_KINDS: dict[str, FactorKind] = {}


def register_factor(name: str, *, version: int = 1) -> Callable[[type[T]], type[T]]:
    """Register a class as a factor, under ``factors: {name: {field: value}}`` of a spec.

    The class is a frozen pydantic model with the members of :class:`Factor`. Packages can do this with an
    entry point of the group ``layerlab.factors`` that refers to the class.

    Args:
        name: Its key in a spec.
        version: Raised when its streams change without a change of its fields; part of the identity.

    Raises:
        ValueError: The name is taken, or the class is no frozen model or lacks a member.
    """

    def register(cls: type[T]) -> type[T]:
        if not cls.model_config.get("frozen"):
            raise ValueError(f"factor {name!r}: {cls.__name__} needs model_config = ConfigDict(frozen=True)")
        members = [member for member in dir(Factor) if not member.startswith("_")]
        lacking = [one for one in members if one not in cls.model_fields and not hasattr(cls, one)]
        if lacking:
            raise ValueError(f"factor {name!r}: {cls.__name__} lacks {', '.join(lacking)}")
        taken = _KINDS.get(name)
        if taken is not None and taken.model.__qualname__ != cls.__qualname__:
            raise ValueError(f"factor {name!r} exists already: {taken.model.__qualname__}")
        _KINDS[name] = FactorKind(name, cls, version)
        return cls

    return register


def known_factors() -> dict[str, FactorKind]:
    """Return every registered factor by name: the built-in ones, packages' and users' own."""
    _load_kinds()
    return dict(sorted(_KINDS.items()))


@functools.cache
def _load_kinds() -> None:
    for entry in entry_points(group=ENTRY_POINTS):
        entry.load()


def read_factors(plain: object, elsewhere: Collection[str]) -> dict[str, BaseModel]:
    """Read ``{name: {field: value}}``; values that are factors already stay as they are.

    Raises:
        StudyError: A factor or a field is unknown, missing or of the wrong kind; all of it is listed.
    """
    if not isinstance(plain, Mapping):
        raise StudyError([Problem("", f"expected factors by name, got {plain!r}")], "factors")
    known = known_factors()
    found: dict[str, BaseModel] = {}
    problems: list[Problem] = []
    for name, value in plain.items():
        if name in elsewhere:
            problems.append(Problem(name, f"{name!r} is a key of the spec itself; write it there"))
        elif name not in known:
            problems.append(Problem(name, unknown("factor", str(name), set(known) - set(elsewhere))))
        elif isinstance(value, known[name].model):
            found[name] = value
        else:
            read, mistakes = validate(known[name].model, value, below=(name,))
            problems += mistakes
            if read is not None:
                found[name] = read
    if problems:
        raise StudyError(problems, "factors")
    return found


def check_together(around: Surroundings) -> None:
    """Check that the streams of all factors go together, and what each factor checks of the spec.

    Raises:
        ValueError: Two streams have one name, a share or a mask rate is no fraction, or shares leave nothing.
    """
    streams = [stream for factor in around.factors.values() for stream in factor.streams().items()]
    names = [name for name, _ in streams]
    for name, share in streams:
        if name in around.languages:
            raise ValueError(f"corpora: {name!r} is the name of the {name} text; rename the language")
        if Path(name).name != name or names.count(name) > 1:
            raise ValueError(f"factors: expected a file name of its own for each stream, got {names}")
        if not 0 < share < 1:
            raise ValueError(f"{name}: expected a share between 0 and 1, got {share}")
    if sum(share for _, share in streams) >= 1:
        together = " and ".join(around.factors)
        raise ValueError(f"{together}: their shares are together 1 or more; expected less")
    for name, factor in around.factors.items():
        if factor.mask_rate is not None and not 0 < factor.mask_rate < 1:
            raise ValueError(f"{name}: expected a mask rate between 0 and 1, got {factor.mask_rate}")
        factor.check_spec(around)
