"""Study files: YAML 1.2 with overrides, and every mistake reported at once with its line."""

from __future__ import annotations

import difflib
import io
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML

from layerlab.ablation.parsing import dump_ablation, parse_ablation
from layerlab.config import Location, apply_overrides, line_of, parse_path, read_yaml, write_path
from layerlab.errors import Problem, StudyError
from layerlab.extensions import import_modules
from layerlab.measures.spec import short_form
from layerlab.study.study import Study, known_fields


def read_study(path: Path, overrides: Iterable[str] = ()) -> Study:
    """Read a study file and apply ``path=value`` overrides before it is validated.

    Raises:
        StudyError: The file is not there, is no YAML, or has mistakes; all of them are listed.
    """
    plain, lines = read_yaml(path, "study file")
    if str(path.parent.resolve()) not in sys.path:
        sys.path.append(str(path.parent.resolve()))  # modules beside the study file may be imported
    problems: list[Problem] = []
    for override in overrides:
        if override.startswith("measures.") and "measures" in plain:
            plain["measures"] = short_form(plain["measures"])  # which has keys to override
        problems += apply_overrides(plain, (override,))
    return build_study(plain, where=str(path), lines=lines, problems=problems)


def build_study(
    plain: Mapping[str, Any],
    *,
    where: str = "the study",
    lines: Mapping[Location, int] | None = None,
    problems: Iterable[Problem] = (),
) -> Study:
    """Build a study from plain mappings and lists, collecting every mistake.

    Raises:
        StudyError: There is at least one mistake.
    """
    found = list(problems)
    lines = lines or {}
    fields = dict(plain)
    found.extend(import_modules(fields.get("imports", ())))
    raw = fields.pop("ablations", None)
    parsed = []
    if raw is not None and not isinstance(raw, list):
        found.append(Problem("ablations", f"expected a list, got {raw!r}", line_of(lines, ("ablations",))))
        raw = None
    for index, value in enumerate(raw or []):
        ablation, mistakes = parse_ablation(value, f"ablations[{index}]")
        found.extend(Problem(path, text, line_of(lines, parse_path(path))) for path, text in mistakes)
        if ablation is not None:
            parsed.append(ablation)
    if raw is not None and (parsed or not raw):
        fields["ablations"] = tuple(parsed)
    study: Study | None = None
    try:
        study = Study.model_validate(fields)
    except ValidationError as error:
        found.extend(_describe(details, lines) for details in _distinct(error.errors()))
    if found or study is None:
        found.sort(key=lambda problem: problem.line or 0)
        raise StudyError(found, where)
    return study


def write_study(study: Study) -> str:
    """Return a study as YAML text."""
    plain = study.model_dump(mode="json", exclude={"ablations"}, exclude_defaults=True)
    plain["training"] = study.training.model_dump(mode="json")  # whole: defaults may change one day
    plain["ablations"] = [dump_ablation(ablation) for ablation in study.ablations]
    stream = io.StringIO()
    writer = YAML(typ="safe")
    writer.default_flow_style = None
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.allow_unicode = True
    writer.width = 110
    writer.dump(plain, stream)
    return stream.getvalue()


def _distinct(errors: Iterable[ErrorDetails]) -> list[ErrorDetails]:
    """Keep one message a place: a field with alternatives fails once for each of them."""
    kept: dict[Location, ErrorDetails] = {}
    for error in errors:
        kept.setdefault(_clean(error["loc"]), error)
    return list(kept.values())


def _clean(location: Iterable[str | int]) -> Location:
    """Drop the names of alternatives that pydantic puts into a location."""
    return tuple(p for p in location if isinstance(p, int) or not re.search(r"[\[\]]|^DataSpec$", p))


def _describe(error: ErrorDetails, lines: Mapping[Location, int]) -> Problem:
    location = _clean(error["loc"])
    path = write_path(location)
    line = line_of(lines, location)
    if error["type"] == "extra_forbidden":
        known = sorted(known_fields(location[:-1]))
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        guess = f"did you mean {close[0]!r}? " if close else ""
        return Problem(path, f"unknown key; {guess}Known: {', '.join(known)}", line)
    if error["type"] == "missing":
        whose = "every study needs it" if len(location) == 1 else f"{write_path(location[:-1])} needs it"
        return Problem(path, f"missing; {whose}", line)
    message = error["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return Problem(path, f"{message}; got {error['input']!r}", line)
