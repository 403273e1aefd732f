"""Reading a family of languages from YAML, with mistakes told by file and line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from layerlab.errors import DataError, unknown
from layerlab.languages.language import Cognates, Family, Language, Loans, Phonotactics, WorldSize

_SECTIONS: dict[str, type[BaseModel]] = {
    "world": WorldSize,
    "proto": Phonotactics,
    "phonotactics": Phonotactics,
    "cognates": Cognates,
    "loans": Loans,
}


def read_family(path: str | Path) -> Family:
    """Read a family of languages from a YAML file.

    Raises:
        DataError: The file cannot be read, or says what a family cannot be; all mistakes with their lines.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: no family of languages can be read there ({error.strerror})") from error
    return parse_family(text, str(path))


def parse_family(text: str, where: str = "the family") -> Family:
    """Read a family of languages from YAML text.

    >>> sorted(parse_family("languages: {mira: {order: SOV}}").languages)
    ['mira']

    Raises:
        DataError: As ``read_family``.
    """
    try:
        plain = YAML(typ="rt").load(text)
    except YAMLError as error:
        raise DataError(f"{where}: this is no YAML: {error}") from error
    if not isinstance(plain, dict):
        raise DataError(f"{where}: got {type(plain).__name__}; expected a mapping with the key languages")
    try:
        return Family.model_validate(plain)
    except ValidationError as error:
        problems = [_problem(plain, item["loc"], item["type"], item["msg"], where) for item in error.errors()]
        raise DataError("\n".join(problems)) from error


SHIPPED: Final = ("family", "instrument")


def default_family() -> Family:
    """Give the family that comes with layerlab for general use: eight languages, from near to far."""
    return shipped_family("family")


@cache
def shipped_family(name: str) -> Family:
    """Give a family that comes with layerlab.

    >>> len(shipped_family("instrument").languages)
    8

    Args:
        name: ``family``, the default one, or ``instrument``, the one that ``minimbert-controlled`` has read.

    Raises:
        DataError: There is no such family.
    """
    if name not in SHIPPED:
        raise DataError(unknown("family of languages", name, SHIPPED))
    source = files("layerlab.languages").joinpath(f"{name}.yaml")
    return parse_family(source.read_text(encoding="utf-8"), f"{name}.yaml")


def find_family(which: str | Path | None = None) -> Family:
    """Give a family by the name of one that comes with layerlab, or by its file; None is the default one.

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
    """Give a language of a family.

    Raises:
        DataError: The family has no such language.
    """
    if name not in family.languages:
        raise DataError(unknown("controlled language", name, family.languages))
    return family.languages[name]


def _problem(plain: Any, loc: Sequence[int | str], kind: str, message: str, where: str) -> str:
    """Say one mistake with its line, its path and, for a misspelt key, the keys that exist."""
    line = _line(plain, loc)
    path = ".".join(str(part) for part in loc)
    if kind == "extra_forbidden":
        message = unknown("key", str(loc[-1]), _model_at(loc[:-1]).model_fields)
    place = f"{where}:{line}" if line else where
    return f"{place}: {path}: {message}" if path else f"{place}: {message}"


def _model_at(loc: Sequence[int | str]) -> type[BaseModel]:
    if not loc:
        return Family
    return Language if loc[0] == "languages" and len(loc) == 2 else _SECTIONS[str(loc[-1])]


def _line(plain: Any, loc: Sequence[int | str]) -> int | None:
    """Find the 1-based line of the deepest key of a path that the file has."""
    line: int | None = None
    for part in loc:
        if not isinstance(plain, dict) or part not in plain:
            break
        line = plain.lc.key(part)[0] + 1  # type: ignore[attr-defined]  # ruamel's mappings know their lines
        plain = plain[part]
    return line
