"""Types of the fields of interventions: what may be written, and what it is read as."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, Tag, field_validator
from pydantic.dataclasses import dataclass

from layerlab.errors import SelectionError
from layerlab.models.anatomy import COMPONENTS, Component
from layerlab.models.layers import Layers

LayersLike = Layers | str | int | Sequence[int | str]


def _to_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _in_order(value: tuple[Component, ...]) -> tuple[Component, ...]:
    """Give components one order, so that two spellings of one intervention have one identity."""
    if len(set(value)) != len(value):
        raise ValueError("a component is listed twice")
    return tuple(component for component in COMPONENTS if component in value)


def refuse_embeddings(reason: str) -> Any:
    """Return a validator, for the body of a class, by which its ``layers`` are layers only."""

    def check(value: Layers) -> Layers:
        if value.embeddings:
            raise ValueError(reason)
        if value.beside:
            raise ValueError(f"{' and '.join(value.beside)}: no layers; select layers only")
        return value

    return field_validator("layers")(check)


def _as_ranges(value: object) -> object:
    """Give numbers one form: ascending ranges, joined where they touch."""
    parts = [value] if isinstance(value, int | str) else value
    if isinstance(parts, str) or not isinstance(parts, Sequence) or not parts:
        raise ValueError(_NUMBERS.format(value))
    spans = sorted(_span(one, value) for part in parts for one in str(part).split(","))
    joined: list[list[int]] = []
    for first, last in spans:
        if joined and first <= joined[-1][1] + 1:
            joined[-1][1] = max(joined[-1][1], last)
        else:
            joined.append([first, last])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in joined)


def _span(text: str, value: object) -> tuple[int, int]:
    found = re.fullmatch(r"\s*([0-9]+)\s*(?:-\s*([0-9]+)\s*)?", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
    if first > last:
        raise ValueError(_NUMBERS.format(value))
    return first, last


_NUMBERS: Final = 'expected numbers from 0, such as 0, "0-3" or [0, 5], got {!r}'


def numbers_of(text: str, n_items: int, what: str) -> list[int]:
    """Return the numbers of a field of :class:`Numbers`, of things of which there are so many.

    Raises:
        SelectionError: One is too large.

    >>> numbers_of("0-2,5", 12, "head")
    [0, 1, 2, 5]
    """
    spans = [
        (int(first), int(last or first)) for first, _, last in (p.partition("-") for p in text.split(","))
    ]
    if spans[-1][1] >= n_items:
        raise SelectionError(f"{what} {spans[-1][1]} does not exist: there are {n_items}, from 0")
    return [number for first, last in spans for number in range(first, last + 1)]


if TYPE_CHECKING:
    # For type checkers, a field that takes text or numbers and gives the value they are read as.

    class Selection:
        """A field that is written as a selection's text and read as :class:`Layers`."""

        def __get__(self, instance: object, owner: type | None = None) -> Layers: ...
        def __set__(self, instance: object, value: LayersLike) -> None: ...

    class OptionalSelection:
        """The same, or None."""

        def __get__(self, instance: object, owner: type | None = None) -> Layers | None: ...
        def __set__(self, instance: object, value: LayersLike | None) -> None: ...

    class Numbers:
        """A field that is written as numbers or ranges and read as their text, ``0-2,5``."""

        def __get__(self, instance: object, owner: type | None = None) -> str: ...
        def __set__(self, instance: object, value: int | str | Sequence[int | str]) -> None: ...

    class OptionalNumbers:
        """The same, or None."""

        def __get__(self, instance: object, owner: type | None = None) -> str | None: ...
        def __set__(self, instance: object, value: int | str | Sequence[int | str] | None) -> None: ...

    class Components:
        """A field that is written as one component or several and read as a tuple."""

        def __get__(self, instance: object, owner: type | None = None) -> tuple[Component, ...]: ...
        def __set__(self, instance: object, value: Component | Sequence[Component]) -> None: ...

else:
    Selection = Layers
    OptionalSelection = Layers | None
    Numbers = Annotated[str, BeforeValidator(_as_ranges)]
    OptionalNumbers = Numbers | None
    Components = Annotated[tuple[Component, ...], BeforeValidator(_to_tuple), AfterValidator(_in_order)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FitDonor:
    """The fit of a study that differs from one's own in the given coordinates.

    Attributes:
        source: Source language of the fit.
        seed: Its seed.
        ablation: Name of its ablation; the baseline ``none`` if None.
        task: Its task.
        fit: Its id, once the study has found it.
    """

    source: str | None = None
    seed: int | None = None
    ablation: str | None = None
    task: str | None = None
    fit: str | None = None

    def __str__(self) -> str:
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return f"fit({', '.join(f'{name}={value}' for name, value in given.items() if value is not None)})"


# Defaults, typed so that they may be given to the fields above.
WHOLE_LAYER: Any = ()
SAME_LAYERS: Any = None
ALL_NUMBERS: Any = None

# A folder, a Hub id, "pretrained", or a fit of the study. The tags keep each alternative's messages apart.
Donor = Annotated[
    Annotated[str, Field(min_length=1), Tag("<text>")] | Annotated[FitDonor, Tag("<fit>")],
    Discriminator(lambda value: "<text>" if isinstance(value, str) else "<fit>"),
    BeforeValidator(lambda value: os.fspath(value) if isinstance(value, os.PathLike) else value),
]
