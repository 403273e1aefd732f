"""The kinds of interventions: how one is registered, written and read.

The built-in kinds register themselves when this package is imported, which comes before any of its modules.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from importlib.metadata import entry_points
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass as pydantic_dataclass

from layerlab.ablation.interventions.protocols import PHASES, Intervention, kind_of
from layerlab.errors import Problem, StudyError, unknown
from layerlab.names import register_name
from layerlab.validation import validate

ENTRY_POINTS = "layerlab.interventions"
T = TypeVar("T")

_KINDS: dict[str, type[Any]] = {}


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def intervention(
    kind: str, phases: Iterable[str] = PHASES, *, changes_output: bool | None = None
) -> Callable[[type[T]], type[T]]:
    """Register a class as an intervention and make it a frozen, validated dataclass.

    The class has a field ``layers`` and a method ``weights`` (an edit) or ``hold`` (a standing intervention);
    :class:`layerlab.ablation.interventions.Intervention` lists what else it may have. Annotated as
    :class:`layerlab.ablation.interventions.Selection` instead of ``Layers``, the field takes text in the eyes
    of type checkers too. Packages may register theirs by an entry point of the group
    ``layerlab.interventions`` that refers to the class.

    Args:
        kind: Its name in study files.
        phases: Where it makes sense: ``before``, ``during``, ``after`` fine-tuning.
        changes_output: Whether it changes what the model computes, so that epochs before it compete no longer
            for the best one; False if it only changes what is trained, as freezing does. None keeps the
            class's own attribute ``changes_output``, or True if it has none.

    Raises:
        ValueError: The name is taken, the class lacks a field or method, or it has both methods.
    """
    allowed = frozenset(phases)
    if not allowed or not allowed <= set(PHASES):
        raise ValueError(
            f"intervention {kind!r}: phases are some of {', '.join(PHASES)}, got {sorted(allowed)}"
        )

    def register(cls: type[T]) -> type[T]:
        _check_class(kind, cls)
        made: Any = cls
        if not is_dataclass(cls):
            strict = ConfigDict(extra="forbid", allow_inf_nan=False)
            made = pydantic_dataclass(frozen=True, config=strict)(cls)
        made.kind, made.phases = kind, allowed
        made.changes_output = (
            getattr(cls, "changes_output", True) if changes_output is None else changes_output
        )
        if participle := getattr(cls, "participle", ""):
            register_name("intervention", kind, participle)
        _KINDS[kind] = made
        return made  # type: ignore[no-any-return]

    return register


def _check_class(kind: str, cls: type[Any]) -> None:
    """Refuse a class that cannot become an intervention, or a kind that another class has."""
    # One that was registered before, and maybe forgotten, is a dataclass already.
    if is_dataclass(cls) and cls.__dict__.get("kind") != kind:
        raise ValueError(f"leave out @dataclass above {cls.__name__}: @intervention makes it one")
    if "layers" not in cls.__annotations__:
        raise ValueError(f"intervention {kind!r} needs a field `layers: Selection`")
    if hasattr(cls, "weights") == hasattr(cls, "hold"):
        both = " and not both" if hasattr(cls, "hold") else ""
        raise ValueError(
            f"intervention {kind!r} needs a method `weights` (an edit) or `hold` (standing){both}"
        )
    taken = _KINDS.get(kind)
    if taken is not None and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(f"intervention {kind!r} exists already: {taken.__module__}.{taken.__qualname__}")


def known_interventions() -> dict[str, type[Any]]:
    """Return every registered kind with its class: the built-in ones, packages' and users' own."""
    _load_packages()
    return dict(sorted(_KINDS.items()))


@functools.cache
def _load_packages() -> None:
    """Let installed packages register theirs, once."""
    for entry in entry_points(group=ENTRY_POINTS):
        entry.load()


@functools.lru_cache(maxsize=256)
def _adapter(cls: type[Any]) -> TypeAdapter[Any]:
    """Return what writes the fields of a class."""
    return TypeAdapter(cls)


def to_dict(item: Intervention) -> dict[str, dict[str, Any]]:
    """Return an intervention as plain values with all its fields, under its kind."""
    plain: dict[str, Any] = _adapter(type(item)).dump_python(item, mode="json")
    return {kind_of(item): plain}


def options_of(item: Intervention) -> dict[str, Any]:
    """Return the plain values of the fields that are not at their default, without ``layers``."""
    plain: dict[str, Any] = _adapter(type(item)).dump_python(item, mode="json", exclude_defaults=True)
    declared: dict[str, Any] = type(item).__pydantic_fields__  # type: ignore[attr-defined]
    defaults = {name: field.get_default(call_default_factory=True) for name, field in declared.items()}
    return {
        name: value
        for name, value in plain.items()
        if name != "layers" and getattr(item, name) != defaults[name]
    }


def from_dict(value: Mapping[str, Any]) -> Intervention:
    """Read an intervention from ``{kind: {field: value}}``.

    Raises:
        StudyError: The kind or a field is unknown, missing or of the wrong kind; all of it is listed.
    """
    if not isinstance(value, Mapping) or len(value) != 1:
        raise StudyError([Problem("", f"expected one `kind: {{fields}}`, got {value!r}")], "intervention")
    kind, options = next(iter(value.items()))
    known = known_interventions()
    if kind not in known:
        raise StudyError([Problem("", unknown("intervention", str(kind), known))], "intervention")
    if not isinstance(options, Mapping):
        example = f"{{{kind}: {{layers: 0-1}}}}"
        raise StudyError(
            [Problem(kind, f"expected fields such as {example}, got {options!r}")], "intervention"
        )
    made: Intervention | None
    made, problems = validate(known[kind], dict(options), below=(str(kind),))
    if made is None:
        raise StudyError(problems, f"intervention {kind!r}")
    return made
