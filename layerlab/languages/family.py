"""Reading a family of languages from YAML; an error names the file and the line of each mistake."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from layerlab.config import parse_yaml
from layerlab.errors import DataError, Problem, StudyError, unknown
from layerlab.files import read_text
from layerlab.languages.language import Family, Language
from layerlab.validation import validate


def read_family(path: str | Path) -> Family:
    """Read a family of languages from a YAML file.

    Raises:
        DataError: The file cannot be read or is no family; the message lists all mistakes with their lines.
    """
    return parse_family(read_text(path), str(path))


def parse_family(text: str, where: str = "the family") -> Family:
    """Read a family of languages from YAML text.

    >>> sorted(parse_family("languages: {mira: {order: SOV}}").languages)
    ['mira']

    Raises:
        DataError: As ``read_family``.
    """
    try:
        plain, lines = parse_yaml(text, "family of languages", where)
    except StudyError as error:
        raise DataError(_listed(error.problems, where)) from error
    family, problems = validate(Family, plain, lines=lines)
    if family is None:
        raise DataError(_listed(problems, where))
    return family


def _listed(problems: Iterable[Problem], where: str) -> str:
    """List problems, each with file, line and path."""
    found = []
    for one in problems:
        place = f"{where}:{one.line}" if one.line else where
        found.append(f"{place}: {one.path}: {one.message}" if one.path else f"{place}: {one.message}")
    return "\n".join(found)


SHIPPED: Final = ("family", "instrument")


def default_family() -> Family:
    """Return the family that comes with layerlab for general use: eight languages, from near to far."""
    return shipped_family("family")


@cache
def shipped_family(name: str) -> Family:
    """Return a family that comes with layerlab.

    >>> len(shipped_family("instrument").languages)
    8

    Raises:
        DataError: There is no such family.
    """
    if name not in SHIPPED:
        raise DataError(unknown("family of languages", name, SHIPPED))
    source = files("layerlab.languages").joinpath(f"{name}.yaml")
    return parse_family(source.read_text(encoding="utf-8"), f"{name}.yaml")


def find_family(which: str | Path | None = None) -> Family:
    """Return a family by the name of one that comes with layerlab, or by its file; None is the default one.

    >>> sorted(find_family("instrument").languages)[0]
    'ilda'

    Raises:
        DataError: There is none of that name, or the file cannot be read.
    """
    if which is None:
        return default_family()
    if str(which) not in SHIPPED and (Path(which).suffix or Path(which).exists()):
        return read_family(which)
    return shipped_family(str(which))


def known_languages(family: Family | None = None) -> tuple[str, ...]:
    """Name the languages of a family (by default the one that comes with layerlab), from near to far."""
    return tuple((family or default_family()).languages)


def find_language(family: Family, name: str) -> Language:
    """Return a language of a family.

    Raises:
        DataError: The family has no such language.
    """
    if name not in family.languages:
        raise DataError(unknown("controlled language", name, family.languages))
    return family.languages[name]
