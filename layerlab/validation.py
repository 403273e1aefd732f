"""Plain values checked against a pydantic model: every mistake once, its place, and what exists there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from layerlab.complaints import MISSING, UNKNOWN, Complaint, expectation, fields_of, follow, meant
from layerlab.config import Location, line_of, parse_path, write_path
from layerlab.errors import LayerlabError, Problem, StudyError, unknown

#: Several names: any sequence may be given, and a tuple is kept.
Names = Annotated[Sequence[str], AfterValidator(tuple)]

T = TypeVar("T")


def validate(
    model: type[T], plain: object, *, lines: Mapping[Location, int] | None = None, below: Location = ()
) -> tuple[T | None, list[Problem]]:
    """Check plain values against a pydantic model or dataclass.

    Args:
        model: What they should be.
        plain: Mappings, lists, text, numbers.
        lines: 1-based line of each part of the file they are from, by location.
        below: Where in the file they are.

    Returns:
        The value and no problem, or None and every problem.
    """
    try:
        return TypeAdapter(model).validate_python(plain), []
    except ValidationError as error:
        return None, problems_of(error, model, plain, lines=lines, below=below)


def problems_of(
    error: ValidationError,
    model: Any,
    plain: object = None,
    *,
    lines: Mapping[Location, int] | None = None,
    below: Location = (),
) -> list[Problem]:
    """Return what a pydantic error says, one problem a mistake.

    Of a field with alternatives, such as one mapping or several by name, pydantic complains once for each;
    only the complaints about the alternative that was meant are kept.
    """
    found = [follow(details, model) for details in error.errors()]
    problems: dict[tuple[str, str], Problem] = {}
    for one in meant(found):
        location = (*below, *_as_written(one.location, plain))
        for inner, message in _messages(one, below):
            place = (*location, *inner)
            problem = Problem(write_path(place), message, line_of(lines or {}, place))
            problems.setdefault((problem.path, problem.message), problem)
    return list(problems.values())


def _as_written(location: Location, plain: object) -> Location:
    """Leave out the index of a part that may be a list and is written without one."""
    written: list[str | int] = []
    for part in location:
        if isinstance(part, int) and (isinstance(plain, str | Mapping) or not hasattr(plain, "__getitem__")):
            continue
        written.append(part)
        try:
            plain = plain[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            plain = ()
    return tuple(written)


def _messages(one: Complaint, below: Location) -> Iterable[tuple[Location, str]]:
    """Yield what is wrong, and where below the complaint's place."""
    details = one.details
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, StudyError):
        yield from ((parse_path(problem.path), problem.message) for problem in cause.problems)
    elif isinstance(cause, LayerlabError):
        yield (), str(cause)
    elif details["type"] in UNKNOWN:
        yield (), unknown("key", str(one.location[-1]), map(str, fields_of(one.owner) or ()))
    elif details["type"] in MISSING:
        above = (*below, *one.location)[:-1]
        yield (), f"missing; {write_path(above)} needs it" if above else "missing; it is needed"
    elif cause is not None:
        said, got = str(cause), _show(details["input"])
        complete = "got " in said or "unknown " in said or len(got) > 60
        yield (), said if complete else f"{said}; got {got}"
    else:
        yield (), f"{expectation(one)}, got {_show(details['input'])}{_guess(details)}"


def _guess(details: ErrorDetails) -> str:
    if details["type"] != "literal_error" or not isinstance(details["input"], str):
        return ""
    known = details["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
    close = difflib.get_close_matches(details["input"], known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _show(value: object) -> str:
    """Show a value in a message, a long one by its beginning."""
    shown = "null" if value is None else repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
