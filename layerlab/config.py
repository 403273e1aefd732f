"""YAML 1.2 files as plain values that know their lines, and ``path=value`` overrides of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from layerlab.errors import DataError, Problem, StudyError
from layerlab.files import fault_of_text, read_text

Location = tuple[str | int, ...]
# Aliases may stand for aliases; a few lines of them can stand for more values than memory holds.
MOST_VALUES: Final = 100_000
#: Lists and mappings in one another; no study needs a tenth of it.
MOST_DEPTH: Final = 100
#: Whole numbers are below it, and above its negative: what seeds and counts fit in.
MOST_INTEGER: Final = 2**63
_TAG: Final = "tag:yaml.org,2002:"
_SCALARS: Final = frozenset({"int", "float", "bool", "null"})
_PLAIN: Final = frozenset({"str", "timestamp", "value", "map", "seq"})


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
        text = read_text(path)
    except DataError as error:
        raise StudyError([Problem("", str(error))], str(path)) from error
    return parse_yaml(text, what, str(path))


def parse_yaml(text: str, what: str, where: str) -> tuple[dict[str, Any], dict[Location, int]]:
    r"""Read ``key: value`` pairs from YAML text; see :func:`read_yaml`.

    >>> parse_yaml("seeds: [0, 1]\nrate: 2e-5", "study file", "here")
    ({'seeds': [0, 1], 'rate': 2e-05}, {('seeds',): 1, ('seeds', 0): 1, ('seeds', 1): 1, ('rate',): 2})
    """
    tree = _Tree()
    try:
        plain = tree.parse(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        raise StudyError([Problem("", f"not YAML: {_reason(error)}", line)], where) from error
    if tree.problems:
        raise StudyError(tree.problems, where)
    if not isinstance(plain, dict):
        got = "nothing" if plain is None else "a list" if isinstance(plain, list) else repr(plain)
        raise StudyError([Problem("", f"a {what} holds `key: value` pairs; got {got}")], where)
    return plain, tree.lines


def apply_overrides(
    plain: dict[str, Any],
    overrides: Iterable[str],
    lines: dict[Location, int] | None = None,
    option: str = "--set",
) -> list[Problem]:
    """Set ``path=value`` texts in plain values; what is set has no line any more; return the problems."""
    found = (apply_override(plain, override, lines, option) for override in overrides)
    return [problem for problem in found if problem is not None]


def apply_override(
    plain: dict[str, Any],
    override: str,
    lines: dict[Location, int] | None = None,
    option: str = "--set",
) -> Problem | None:
    """Set one ``path=value``, which an option gave, in plain values; return the problem if it cannot be set.

    >>> study = {"training": {"epochs": 3}, "seeds": [0, 1]}
    >>> apply_override(study, "training.epochs=1"), apply_override(study, "seeds[1]=7"), study
    (None, None, {'training': {'epochs': 1}, 'seeds': [0, 7]})
    """
    path, separator, text = override.partition("=")
    parts = parse_path(path.strip())
    if not separator or not parts:
        return Problem(option, f"expected path=value such as training.epochs=1, got {override!r}")
    tree = _Tree()
    try:
        value = tree.parse(text)
    except YAMLError as error:
        return Problem(f"{option} {path}", f"the value is not YAML: {_reason(error)}; got {text!r}")
    if tree.problems:
        return Problem(f"{option} {path}", tree.problems[0].message)
    here: Any = plain
    if lines is not None:
        for location in [one for one in lines if one[: len(parts)] == parts]:
            del lines[location]
        lines[parts] = 0
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        if isinstance(here, list):
            if not isinstance(part, int) or not -1 < part < len(here):
                return Problem(f"{option} {path}", f"{part!r} is no index of a list of {len(here)}")
        elif not isinstance(here, dict):
            return Problem(f"{option} {path}", f"there is nothing below {part!r}: got {here!r}")
        key: Any = str(part) if isinstance(here, dict) else part
        if following is None:
            here[key] = value
        elif isinstance(here, dict):
            here = here.setdefault(key, {})
        else:
            here = here[key]
    return None


def parse_path(path: str) -> Location:
    """Return the location that a path names.

    >>> parse_path("ablations[2].before")
    ('ablations', 2, 'before')
    """
    return tuple(int(part) if part.isdecimal() else part for part in re.split(r"[.\[\]]+", path) if part)


def write_path(location: Location) -> str:
    """Return a location as a path.

    >>> write_path(("ablations", 2, "before"))
    'ablations[2].before'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def line_of(lines: Mapping[Location, int], location: Location) -> int | None:
    """Return the line of a location, or of the nearest part above that has one; 0 if no file has it."""
    for end in range(len(location), 0, -1):
        if location[:end] in lines:
            return lines[location[:end]]
    return None


def _reason(error: YAMLError) -> str:
    return getattr(error, "problem", None) or str(error).splitlines()[0]


@dataclass
class _Tree:
    """YAML text as plain values, with the line of each part and what is wrong with them."""

    lines: dict[Location, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    n_values: int = 0
    reader: YAML = field(default_factory=lambda: YAML(typ="safe", pure=True))

    def parse(self, text: str) -> Any:
        """Return plain values.

        Raises:
            YAMLError: The text is no YAML, is nested too deeply, or its aliases stand for too much.
        """
        if _may_be_deep(text):
            _check_depth(text)
        node = self.reader.compose(text)
        return None if node is None else self.convert(node, (), ())

    def convert(self, node: Node, location: Location, above: tuple[Node, ...]) -> Any:
        """Return the plain value of a node; what is wrong with it is noted.

        Raises:
            YAMLError: It is nested too deeply, or stands for too much.
        """
        self.n_values += 1
        if self.n_values > MOST_VALUES:
            raise _refused(
                f"its aliases stand for more than {MOST_VALUES:,} values", self.mark(node, location)
            )
        if any(node is one for one in above):
            raise _refused("an alias stands for a part that it is in itself", self.mark(node, location))
        if len(above) == MOST_DEPTH:
            raise _too_deep(node.start_mark)
        tag = str(node.tag)
        kind = tag.removeprefix(_TAG)
        if kind not in _SCALARS | _PLAIN:
            shown = tag if tag.startswith("!") else f"!!{kind}"
            self.note(node, location, f"YAML tag {shown} is not known; leave it out")
        above = (*above, node)
        if isinstance(node, MappingNode):
            return self.convert_mapping(node, location, above)
        if isinstance(node, SequenceNode):
            for index, item in enumerate(node.value):
                self.lines[(*location, index)] = item.start_mark.line + 1
            return [self.convert(item, (*location, index), above) for index, item in enumerate(node.value)]
        return self.convert_scalar(node, kind, location)

    def convert_mapping(self, node: MappingNode, location: Location, above: tuple[Node, ...]) -> Any:
        """Return a mapping; keys are text, and its own go before those merged into it by ``<<``."""
        merged: dict[str, Any] = {}
        plain: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.note(key, location, "a list or mapping is no key; expected text")
                continue
            here = (*location, str(key.value))
            if str(key.tag) == f"{_TAG}merge":
                for one in value.value if isinstance(value, SequenceNode) else [value]:
                    part = self.convert(one, location, above)
                    if isinstance(part, dict):
                        merged = part | merged
                    else:
                        self.note(value, here, f"expected a mapping to merge, got {part!r}")
                continue
            if key.value in plain:
                self.note(key, here, f"the key is there twice; first on line {self.lines[here]}")
            self.lines[here] = key.start_mark.line + 1
            plain[str(key.value)] = self.convert(value, here, above)
        return merged | plain

    def convert_scalar(self, node: Node, kind: str, location: Location) -> Any:
        """Return a number, a truth value, None or text."""
        if kind not in _SCALARS:
            if fault := fault_of_text(str(node.value)):
                self.note(node, location, f"expected whole characters, got text with {fault}")
            return str(node.value)
        constructor = self.reader.constructor
        try:
            value = constructor.yaml_constructors[node.tag](constructor, node)
        except (ValueError, KeyError):
            self.note(node, location, f"cannot be read as {kind}: {str(node.value)[:40]!r}")
            return None
        if isinstance(value, float) and not math.isfinite(value):
            said = f"expected a finite number, or null where there may be no limit; got {node.value}"
            self.note(node, location, said)
        if type(value) is int and abs(value) >= MOST_INTEGER:
            shown = str(node.value) if len(node.value) <= 40 else f"one of {len(node.value)} digits"
            self.note(node, location, f"expected a whole number below 2^63; got {shown}")
        return value

    def mark(self, node: Node, location: Location) -> Any:
        """Return where a node stands in the text: of an alias its key, as the node is what it stands for."""
        line = line_of(self.lines, location)
        return node.start_mark if not line else StringMark("", 0, line - 1, 0, None, 0)

    def note(self, node: Node, location: Location, message: str) -> None:
        """Remember what is wrong with a node."""
        self.problems.append(Problem(write_path(location), message, node.start_mark.line + 1))


def _refused(message: str, mark: Any) -> YAMLError:
    return MarkedYAMLError(problem=message, problem_mark=mark)


def _too_deep(mark: Any) -> YAMLError:
    return _refused(
        f"nested too deeply: expected at most {MOST_DEPTH} lists and mappings in one another", mark
    )


def _may_be_deep(text: str) -> bool:
    """Return whether a text has the brackets and the indentation that deep nesting takes.

    A line of the block style is at most two levels deeper than the columns before its words.
    """
    columns = max(len(line) - len(line.lstrip(" -?:")) for line in text.split("\n"))
    return text.count("[") + text.count("{") + 2 * (columns + 1) > MOST_DEPTH


def _check_depth(text: str) -> None:
    """Refuse a text whose lists and mappings are nested too deeply, by its events alone.

    Building values would take a Python call, and an error without a line, for each level.
    """
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MOST_DEPTH:
            raise _too_deep(event.start_mark)
