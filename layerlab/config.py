"""YAML 1.2 files as plain values that know their lines, and ``path=value`` overrides of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from layerlab.errors import Problem, StudyError

Location = tuple[str | int, ...]


def read_yaml(path: Path, what: str) -> tuple[dict[str, Any], dict[Location, int]]:
    """Read a file of ``key: value`` pairs; YAML 1.2, so that ``no`` is a word and ``2e-5`` a number.

    Args:
        path: The file.
        what: What it should be, for messages, such as "study file".

    Returns:
        Its plain values, and the 1-based line of each part by location.

    Raises:
        StudyError: The file is not there, is no YAML, or holds something else.
    """
    if not path.is_file():
        raise StudyError([Problem("", f"no such {what}: {path}")], str(path))
    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise StudyError([Problem("", f"not UTF-8: {error}")], str(path)) from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        raise StudyError([Problem("", f"not YAML: {_reason(error)}", line)], str(path)) from error
    if not isinstance(tree, CommentedMap):
        got = "nothing" if tree is None else "a list" if isinstance(tree, list) else repr(tree)
        raise StudyError([Problem("", f"a {what} holds `key: value` pairs; got {got}")], str(path))
    lines: dict[Location, int] = {}
    plain: dict[str, Any] = _to_plain(tree, (), lines)
    return plain, lines


def apply_overrides(plain: dict[str, Any], overrides: Iterable[str]) -> list[Problem]:
    """Set ``path=value`` texts in plain values; return the problems of those that cannot be set."""
    found = (apply_override(plain, override) for override in overrides)
    return [problem for problem in found if problem is not None]


def apply_override(plain: dict[str, Any], override: str) -> Problem | None:
    """Set one ``path=value`` in plain values; return the problem if it cannot be set.

    >>> study = {"training": {"epochs": 3}, "seeds": [0, 1]}
    >>> apply_override(study, "training.epochs=1"), apply_override(study, "seeds[1]=7"), study
    (None, None, {'training': {'epochs': 1}, 'seeds': [0, 7]})
    """
    path, separator, text = override.partition("=")
    if not separator or not path.strip():
        return Problem("--set", f"expected path=value such as training.epochs=1, got {override!r}")
    parts = parse_path(path.strip())
    try:
        value = YAML(typ="safe").load(text)
    except YAMLError as error:
        return Problem(f"--set {path}", f"the value is not YAML: {_reason(error)}; got {text!r}")
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


def parse_path(path: str) -> Location:
    """Return the location that a path names.

    >>> parse_path("ablations[2].before")
    ('ablations', 2, 'before')
    """
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"[.\[\]]+", path) if part)


def write_path(location: Location) -> str:
    """Return a location as a path.

    >>> write_path(("ablations", 2, "before"))
    'ablations[2].before'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def line_of(lines: Mapping[Location, int], location: Location) -> int | None:
    """Return the line of a location, or of the nearest part above it that has one."""
    for end in range(len(location), 0, -1):
        if location[:end] in lines:
            return lines[location[:end]]
    return None


def _reason(error: YAMLError) -> str:
    return getattr(error, "problem", None) or str(error).splitlines()[0]


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
