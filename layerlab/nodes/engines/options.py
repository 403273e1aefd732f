"""Options of engines: an engine that has some is made by a pydantic model, whose fields they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from layerlab.config import Location, apply_overrides, read_yaml
from layerlab.errors import Problem, StudyError
from layerlab.nodes.engines import choice  # noqa: F401 - registers the built-in engines
from layerlab.nodes.engines.engine import MakeEngine, find_engine
from layerlab.validation import validate


def choose_engine(engine: str, overrides: Sequence[str] = ()) -> MakeEngine:
    """Return what makes an engine, with its options.

    Args:
        engine: Its name; or a YAML file with its name and below it its options, such as
            ``ray: {address: auto, gpus: 0.5}``.
        overrides: Options as ``key=value``; they go before those of the file.

    Raises:
        StudyError: There is no such engine or file, or it has no such options.
    """
    name, plain, where, lines = engine, dict[str, Any](), "--engine", dict[Location, int]()
    if Path(engine).suffix in {".yaml", ".yml"}:
        where = engine
        content, lines = read_yaml(Path(engine), "engine file")
        name, plain = _one_engine(content, where)
    below = {place[1:]: line for place, line in lines.items() if len(place) > 1}
    problems = apply_overrides(plain, overrides, below, option="--engine-option")
    if problems:
        raise StudyError(problems, where)
    return with_options(name, plain, where, {(name, *place): line for place, line in below.items()})


def with_options(
    name: str, plain: Mapping[str, Any], where: str = "engine", lines: Mapping[Location, int] | None = None
) -> MakeEngine:
    """Return what makes an engine of a name, with plain values as its options.

    Args:
        name: The engine's.
        plain: Its options.
        where: Where they are from, for messages.
        lines: Lines of a file by location, below the engine's name.

    Raises:
        StudyError: There is no such engine, or it has no such options.
    """
    make = find_engine(name)
    if not plain:
        return make
    if not isinstance(make, BaseModel):
        said = f"engine {name!r} has no options; got {', '.join(plain)}"
        raise StudyError([Problem(name, said)], where)
    made, problems = validate(type(make), dict(plain), lines=lines, below=(name,))
    if problems:
        raise StudyError(problems, where)
    return cast(MakeEngine, made)


def _one_engine(content: Mapping[str, Any], where: str) -> tuple[str, dict[str, Any]]:
    """Return the one engine that a file names, and its options."""
    if len(content) != 1:
        said = f"expected one engine and below it its options, got {', '.join(content) or 'nothing'}"
        raise StudyError([Problem("", said)], where)
    ((name, plain),) = content.items()
    if plain is not None and not isinstance(plain, dict):
        raise StudyError(
            [Problem(name, f"expected the engine's options as `key: value`, got {plain!r}")], where
        )
    return name, dict(plain or {})
