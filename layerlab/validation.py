"""Plain values checked against a pydantic model: every mistake once, its place, and what exists there."""

from __future__ import annotations

import difflib
import re
import types
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, Tag, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from layerlab.config import Location, line_of, parse_path, write_path
from layerlab.errors import LayerlabError, Problem, StudyError, unknown

#: Several names: any sequence may be given, and a tuple is kept.
Names = Annotated[Sequence[str], AfterValidator(tuple)]

T = TypeVar("T")

# A model with a validator of its own is called after it.
_VALIDATED = re.compile(r"function-\w+\[[^,\[\]]*, ([^\[\]]+)\]")
_UNKNOWN = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_MISSING = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})
_WORDS: Mapping[str, str] = {
    "greater_than_equal": "expected at least {ge:g}",
    "greater_than": "expected more than {gt:g}",
    "less_than_equal": "expected at most {le:g}",
    "less_than": "expected less than {lt:g}",
    "finite_number": "expected a finite number",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "string_type": "expected text",
    "path_type": "expected a path",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "sequence_str": "expected a list",
    "dict_type": "expected a mapping",
    "mapping_type": "expected a mapping",
    "model_type": "expected a mapping",
    "model_attributes_type": "expected a mapping",
    "dataclass_type": "expected a mapping",
    "literal_error": "expected {expected}",
}


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

    Args:
        error: What pydantic raised.
        model: The model or type that was checked against.
        plain: What was checked.
        lines: As in :func:`validate`.
        below: As in :func:`validate`.
    """
    found = [_follow(details, model) for details in error.errors()]
    problems: dict[tuple[str, str], Problem] = {}
    for one in _meant(found):
        location = (*below, *_as_written(one.location, plain))
        for inner, message in _messages(one, below):
            place = (*location, *inner)
            problem = Problem(write_path(place), message, line_of(lines or {}, place))
            problems.setdefault((problem.path, problem.message), problem)
    return list(problems.values())


@dataclass(frozen=True)
class _Complaint:
    """One of pydantic's complaints.

    Attributes:
        details: What pydantic says.
        location: Where, without the names of alternatives.
        choices: How long the location is at each choice between alternatives, and the alternative.
        owner: The model that the last part of the location belongs to.
        field: Type of the last part.
    """

    details: ErrorDetails
    location: Location
    choices: tuple[tuple[int, str], ...]
    owner: Any
    field: Any

    @property
    def is_of_form(self) -> bool:
        """Whether a part has another form than expected: another kind, an unknown or a missing key."""
        kind = self.details["type"]
        return kind in _UNKNOWN | _MISSING or kind.endswith(("_type", "_parsing", "is_instance_of"))


def _follow(details: ErrorDetails, model: Any) -> _Complaint:
    """Walk down the types along a complaint's location, to tell keys from names of alternatives."""
    location: list[str | int] = []
    choices = []
    owner, here = None, model
    for part in details["loc"]:
        branches = _branches(here)
        if len(branches) > 1:
            choices.append((len(location), str(part)))
            name = _VALIDATED.sub(r"\1", str(part))
            here = next((branch for branch in branches if _label(branch) == name), None)
            continue
        here = branches[0] if branches else None
        if part == "[key]":
            continue
        location.append(part)
        owner, here = _below(here, part)
    return _Complaint(details, tuple(location), tuple(choices), owner, here)


def _branches(annotation: Any) -> list[Any]:
    """Return the alternatives of a type, None left out."""
    while get_origin(annotation) is Annotated and not any(
        isinstance(one, Tag) for one in annotation.__metadata__
    ):
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        return [branch for branch in get_args(annotation) if branch is not type(None)]
    return [annotation]


def _label(branch: Any) -> str:
    """Return what pydantic calls an alternative."""
    if get_origin(branch) is Annotated:
        return next((one.tag for one in branch.__metadata__ if isinstance(one, Tag)), "")
    if (origin := get_origin(branch)) is dict:
        return f"dict[{','.join(getattr(one, '__name__', str(one)) for one in get_args(branch))}]"
    return str(getattr(origin or branch, "__name__", branch))


def _below(annotation: Any, part: str | int) -> tuple[Any, Any]:
    """Return the model that a part belongs to, if it does to one, and the part's type."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if (fields := _fields(annotation)) is not None:
        return annotation, fields[part].annotation if part in fields else None
    origin, args = get_origin(annotation), get_args(annotation)
    if not args or origin is Literal:
        return None, None
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return None, args[-1]
    if origin is tuple and isinstance(part, int) and args[-1] is not Ellipsis:
        return None, args[min(part, len(args) - 1)]
    return None, args[0]


def _fields(model: Any) -> Mapping[Any, Any] | None:
    """Return the fields of a pydantic model or dataclass, None of anything else."""
    fields = getattr(model, "__pydantic_fields__", None)
    return fields if isinstance(fields, Mapping) else None


def _meant(found: Sequence[_Complaint]) -> list[_Complaint]:
    """Keep the complaints about the alternatives that were meant."""
    groups: dict[Any, dict[str, list[_Complaint]]] = defaultdict(lambda: defaultdict(list))
    for one in found:
        if one.choices:
            depth, label = one.choices[0]
            groups[one.location[:depth]][label].append(one)
    kept = [one for one in found if not one.choices]
    for location, alternatives in groups.items():
        depth = len(location)
        best = min(alternatives.values(), key=lambda of_one: _distance(of_one, depth))
        if len(alternatives) > 1 and all(
            one.is_of_form and len(one.location) == depth for each in alternatives.values() for one in each
        ):
            best = [_joined([one for each in alternatives.values() for one in each])]
        kept += _meant([_without_choice(one) for one in best])
    order = {id(one.details): index for index, one in enumerate(found)}
    return sorted(kept, key=lambda one: order.get(id(one.details), 0))


def _distance(complaints: Sequence[_Complaint], depth: int) -> tuple[float, int, int]:
    """Return how far values are from an alternative: what is wrong with their form counts first."""
    depths = [len(one.location) - depth for one in complaints]
    of_form = [deep for one, deep in zip(complaints, depths, strict=True) if one.is_of_form]
    return (-min(of_form, default=float("inf")), len(complaints), -sum(depths))


def _without_choice(one: _Complaint) -> _Complaint:
    return _Complaint(one.details, one.location, one.choices[1:], one.owner, one.field)


def _joined(complaints: Sequence[_Complaint]) -> _Complaint:
    """Make one complaint of those of all alternatives about one value."""
    words = dict.fromkeys(_expectation(one).removeprefix("expected ") for one in complaints)
    first = complaints[0]
    details: ErrorDetails = {**first.details, "type": "alternatives", "msg": f"expected {' or '.join(words)}"}
    return _Complaint(details, first.location, (), first.owner, first.field)


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


def _messages(one: _Complaint, below: Location) -> Iterable[tuple[Location, str]]:
    """Yield what is wrong, and where below the complaint's place."""
    details = one.details
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, StudyError):
        yield from ((parse_path(problem.path), problem.message) for problem in cause.problems)
    elif isinstance(cause, LayerlabError):
        yield (), str(cause)
    elif details["type"] in _UNKNOWN:
        yield (), unknown("key", str(one.location[-1]), map(str, _fields(one.owner) or ()))
    elif details["type"] in _MISSING:
        above = (*below, *one.location)[:-1]
        yield (), f"missing; {write_path(above)} needs it" if above else "missing; it is needed"
    elif cause is not None:
        said, got = str(cause), _show(details["input"])
        yield (), said if "got " in said or len(got) > 60 else f"{said}; got {got}"
    else:
        yield (), f"{_expectation(one)}, got {_show(details['input'])}{_guess(details)}"


def _expectation(one: _Complaint) -> str:
    details = one.details
    words = _WORDS.get(details["type"])
    if words is None:
        message = details["msg"].replace("Input should be", "expected").removeprefix("Value error, ")
        return message[0].lower() + message[1:]
    nullable = details["type"] == "finite_number" and type(None) in get_args(one.field)
    return words.format(**details.get("ctx", {})) + (" or null" if nullable else "")


def _guess(details: ErrorDetails) -> str:
    if details["type"] != "literal_error" or not isinstance(details["input"], str):
        return ""
    known = details["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
    close = difflib.get_close_matches(details["input"], known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _show(value: object) -> str:
    """Show a value in a message, a long one by its beginning."""
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
