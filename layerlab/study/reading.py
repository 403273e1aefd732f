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
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from layerlab.ablation.parsing import dump_ablation, parse_ablation
from layerlab.errors import Problem, StudyError
from layerlab.study.extensions import import_modules
from layerlab.study.study import Study, known_fields

Location = tuple[str | int, ...]


def read_study(path: Path, overrides: Iterable[str] = ()) -> Study:
    """Read a study file and apply ``path=value`` overrides before it is validated.

    Raises:
        StudyError: The file is not there, is no YAML, or has mistakes; all of them are listed.
    """
    if not path.is_file():
        raise StudyError([Problem("", f"no such study file: {path}")], str(path))
    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise StudyError([Problem("", f"not UTF-8: {error}")], str(path)) from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = getattr(error, "problem", None) or str(error).splitlines()[0]
        line = mark.line + 1 if mark is not None else None
        raise StudyError([Problem("", f"not YAML: {message}", line)], str(path)) from error
    lines: dict[Location, int] = {}
    plain: Any = _to_plain(tree, (), lines)
    problems: list[Problem] = []
    if not isinstance(plain, dict):
        raise StudyError([Problem("", "a study file holds `key: value` pairs")], str(path))
    if str(path.parent.resolve()) not in sys.path:
        sys.path.append(str(path.parent.resolve()))  # modules beside the study file may be imported
    for override in overrides:
        problem = apply_override(plain, override)
        if problem is not None:
            problems.append(problem)
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
        found.append(Problem("ablations", f"expected a list, got {raw!r}", _line(lines, ("ablations",))))
        raw = None
    for index, value in enumerate(raw or []):
        ablation, mistakes = parse_ablation(value, f"ablations[{index}]")
        found.extend(Problem(path, text, _line(lines, _parse_path(path))) for path, text in mistakes)
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


def apply_override(plain: dict[str, Any], override: str) -> Problem | None:
    """Set one ``path=value`` in a study's plain form; return the problem if it cannot be set.

    >>> study = {"training": {"epochs": 3}, "seeds": [0, 1]}
    >>> apply_override(study, "training.epochs=1"), apply_override(study, "seeds[1]=7"), study
    (None, None, {'training': {'epochs': 1}, 'seeds': [0, 7]})
    """
    path, separator, text = override.partition("=")
    if not separator or not path.strip():
        return Problem("--set", f"expected path=value such as training.epochs=1, got {override!r}")
    parts = _parse_path(path.strip())
    try:
        value = YAML(typ="safe").load(text)
    except YAMLError as error:
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        return Problem(f"--set {path}", f"the value is not YAML: {reason}; got {text!r}")
    here: Any = plain
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        if isinstance(here, list):
            if not isinstance(part, int) or not -1 < part < len(here):
                return Problem(f"--set {path}", f"{part!r} is no index of a list of {len(here)}")
        elif not isinstance(here, dict):
            return Problem(f"--set {path}", f"there is nothing below {part!r}: got {here!r}")
        if following is None:
            here[part] = value
        elif isinstance(here, dict):
            here = here.setdefault(part, {})
        else:
            here = here[part]
    return None


def _parse_path(path: str) -> Location:
    return tuple(int(p) if p.isdigit() else p for p in re.split(r"[.\[\]]+", path) if p)


def _to_plain(value: Any, location: Location, lines: dict[Location, int]) -> Any:
    """Turn a round-trip YAML tree into plain values and remember the line of each part."""
    if isinstance(value, CommentedMap):
        for key in value:
            if key in value.lc.data:  # a merged key has no line of its own
                lines[(*location, str(key))] = value.lc.key(key)[0] + 1
        return {str(key): _to_plain(item, (*location, str(key)), lines) for key, item in value.items()}
    if isinstance(value, CommentedSeq):
        for index in range(len(value)):
            lines[(*location, index)] = value.lc.item(index)[0] + 1
        return [_to_plain(item, (*location, index), lines) for index, item in enumerate(value)]
    if value is None or isinstance(value, bool):
        return value
    kind: type
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return str(value)


def _line(lines: Mapping[Location, int], location: Location) -> int | None:
    for end in range(len(location), 0, -1):
        if location[:end] in lines:
            return lines[location[:end]]
    return None


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
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location).lstrip(".")
    line = _line(lines, location)
    if error["type"] == "extra_forbidden":
        known = sorted(known_fields(location[:-1]))
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        guess = f"did you mean {close[0]!r}? " if close else ""
        return Problem(path, f"unknown key; {guess}Known: {', '.join(known)}", line)
    if error["type"] == "missing":
        return Problem(path, "missing; every study needs it", line)
    message = error["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return Problem(path, f"{message}; got {error['input']!r}", line)
