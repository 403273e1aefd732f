"""What a factor of a pretraining is, and the registry of factors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel

from layerlab.errors import Problem, StudyError, unknown
from layerlab.pretraining.factors.abilities import ABILITIES, COMMON, Factor, Surroundings
from layerlab.validation import validate

__all__ = [
    "Factor",
    "FactorKind",
    "Surroundings",
    "check_together",
    "known_factors",
    "read_factors",
    "register_factor",
]

ENTRY_POINTS: Final = "layerlab.factors"
T = TypeVar("T", bound=BaseModel)


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

    The class is a frozen pydantic model with the members of :class:`Factor` and those of at least one of its
    abilities, such as :class:`layerlab.pretraining.factors.abilities.Streaming`. Packages can do this with an
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
        if lacking := _lacking(cls):
            raise ValueError(f"factor {name!r}: {cls.__name__} lacks {', '.join(lacking)}")
        taken = _KINDS.get(name)
        if taken is not None and taken.model.__qualname__ != cls.__qualname__:
            raise ValueError(f"factor {name!r} exists already: {taken.model.__qualname__}")
        _KINDS[name] = FactorKind(name, cls, version)
        return cls

    return register


def _lacking(cls: type[BaseModel]) -> list[str]:
    """Return which members of a factor a class lacks: the common ones, and the rest of an ability."""

    def has(member: str) -> bool:
        return member in cls.model_fields or hasattr(cls, member)

    begun = [members for members in ABILITIES.values() if any(map(has, members))]
    wanted = [*COMMON, *(member for members in begun or ABILITIES.values() for member in members)]
    return [member for member in wanted if not has(member)]


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
        else:
            given = isinstance(value, known[name].model)
            read, mistakes = (value, []) if given else validate(known[name].model, value, below=(name,))
            problems += mistakes
            # One that is as without it is left out, so that the spec keeps its identity.
            if read is not None and not getattr(read, "is_default", False):
                found[name] = read
    if problems:
        raise StudyError(problems, "factors")
    return found


def check_together(around: Surroundings) -> None:
    """Check that the streams of all factors go together, and what each factor checks of the spec.

    Raises:
        ValueError: Two streams have one name, a share or a mask rate is no fraction, or shares leave nothing.
    """
    streams = [stream for factor in around.streaming.values() for stream in factor.streams().items()]
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
    for name, streaming in around.streaming.items():
        if streaming.mask_rate is not None and not 0 < streaming.mask_rate < 1:
            raise ValueError(f"{name}: expected a mask rate between 0 and 1, got {streaming.mask_rate}")
    for factor in around.factors.values():
        factor.check_spec(around)
