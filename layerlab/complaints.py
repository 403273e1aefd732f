"""Pydantic's complaints: where each is, in words, and which are about the alternative that was meant."""

from __future__ import annotations

import re
import types
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import Tag
from pydantic_core import ErrorDetails

from layerlab.config import Location

_VALIDATED = re.compile(r"function-\w+\[[^,\[\]]*, ([^\[\]]+)\]")
UNKNOWN = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
MISSING = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})
_WORDS: Mapping[str, str] = {
    "greater_than_equal": "expected at least {ge:g}",
    "greater_than": "expected more than {gt:g}",
    "less_than_equal": "expected at most {le:g}",
    "less_than": "expected less than {lt:g}",
    "finite_number": "expected a finite number",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "expected a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "expected a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "expected true or false"),
    "string_type": "expected text",
    "path_type": "expected a path",
    **dict.fromkeys(("list_type", "tuple_type", "sequence_str"), "expected a list"),
    **dict.fromkeys(("dict_type", "mapping_type"), "expected a mapping"),
    **dict.fromkeys(("model_type", "model_attributes_type", "dataclass_type"), "expected a mapping"),
    "literal_error": "expected {expected}",
    "string_too_long": "expected at most {max_length} characters",
    "too_short": "expected at least {min_length} of them",
    "string_pattern_mismatch": "expected text of the form {pattern}",
}


@dataclass(frozen=True)
class Complaint:
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
        return kind in UNKNOWN | MISSING or kind.endswith(("_type", "_parsing", "is_instance_of"))


def follow(details: ErrorDetails, model: Any) -> Complaint:
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
    return Complaint(details, tuple(location), tuple(choices), owner, here)


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
    if (fields := fields_of(annotation)) is not None:
        return annotation, fields[part].annotation if part in fields else None
    origin, args = get_origin(annotation), get_args(annotation)
    if not args or origin is Literal:
        return None, None
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return None, args[-1]
    if origin is tuple and isinstance(part, int) and args[-1] is not Ellipsis:
        return None, args[min(part, len(args) - 1)]
    return None, args[0]


def fields_of(model: Any) -> Mapping[Any, Any] | None:
    """Return the fields of a pydantic model or dataclass, None of anything else."""
    fields = getattr(model, "__pydantic_fields__", None)
    return fields if isinstance(fields, Mapping) else None


def meant(found: Sequence[Complaint]) -> list[Complaint]:
    """Keep the complaints about the alternatives that were meant, and not what only follows from others.

    That a list is too short follows from mistakes in its items.
    """
    chosen = _chosen(found)
    above = {one.location[:n] for one in chosen for n in range(len(one.location))}
    return [one for one in chosen if one.details["type"] != "too_short" or one.location not in above]


def _chosen(found: Sequence[Complaint]) -> list[Complaint]:
    groups: dict[Any, dict[str, list[Complaint]]] = defaultdict(lambda: defaultdict(list))
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
        kept += _chosen([replace(one, choices=one.choices[1:]) for one in best])
    order = {id(one.details): index for index, one in enumerate(found)}
    return sorted(kept, key=lambda one: order.get(id(one.details), 0))


def _distance(complaints: Sequence[Complaint], depth: int) -> tuple[float, int, int]:
    """Return how far values are from an alternative: what is wrong with their form counts first."""
    depths = [len(one.location) - depth for one in complaints]
    of_form = [deep for one, deep in zip(complaints, depths, strict=True) if one.is_of_form]
    return (-min(of_form, default=float("inf")), len(complaints), -sum(depths))


def _joined(complaints: Sequence[Complaint]) -> Complaint:
    """Make one complaint of those of all alternatives about one value."""
    words = dict.fromkeys(expectation(one).removeprefix("expected ") for one in complaints)
    first = complaints[0]
    details: ErrorDetails = {**first.details, "type": "alternatives", "msg": f"expected {' or '.join(words)}"}
    return replace(first, details=details, choices=())


def expectation(one: Complaint) -> str:
    """Return what is expected where a complaint is."""
    details = one.details
    if details["type"] == "is_instance_of" and details["ctx"]["class"] == "Sequence":
        return "expected a list"
    words = _WORDS.get(details["type"])
    if words is None:
        message = details["msg"].replace("Input should be", "expected").removeprefix("Value error, ")
        return message[0].lower() + message[1:]
    nullable = details["type"] == "finite_number" and type(None) in get_args(one.field)
    return words.format(**details.get("ctx", {})) + (" or null" if nullable else "")
