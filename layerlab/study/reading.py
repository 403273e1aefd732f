"""Study files: YAML 1.2 with overrides, and every mistake reported at once with its line."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML

from layerlab.ablation.written import dump_ablation
from layerlab.config import Location, apply_overrides, read_yaml
from layerlab.errors import Problem, StudyError
from layerlab.extensions import import_modules
from layerlab.measures.options import short_form
from layerlab.study.grid import Grid
from layerlab.validation import validate

G = TypeVar("G", bound=Grid)


def read_study(cls: type[G], path: Path, overrides: Iterable[str] = ()) -> G:
    """Read a study file and apply ``path=value`` overrides before it is validated.

    Args:
        cls: What to make of it.
        path: The file.
        overrides: Texts as on the command line.

    Raises:
        StudyError: The file is not there, is no YAML, or has mistakes; all of them are listed.
    """
    plain, lines = read_yaml(path, "study file")
    problems: list[Problem] = []
    for override in overrides:
        if override.startswith("measures.") and "measures" in plain:
            plain["measures"] = short_form(plain["measures"])  # which has keys to override
        problems += apply_overrides(plain, (override,), lines)
    return build_study(cls, plain, where=str(path), lines=lines, problems=problems, beside=(path.parent,))


def build_study(
    cls: type[G],
    plain: Mapping[str, Any],
    *,
    where: str = "the study",
    lines: Mapping[Location, int] | None = None,
    problems: Iterable[Problem] = (),
    beside: Sequence[Path] = (),
) -> G:
    """Build a study from plain mappings and lists, collecting every mistake.

    Args:
        cls: What to make of it.
        plain: The mappings and lists.
        where: What they are, for messages.
        lines: 1-based line of each part, by location.
        problems: What was found wrong before.
        beside: Directories whose modules the study may import.

    Raises:
        StudyError: There is at least one mistake.
    """
    found = list(problems)
    lines = lines or {}
    fields = dict(plain)
    found.extend(import_modules(fields.get("imports", ()), beside))
    study, mistakes = validate(cls, fields, lines=lines)
    found.extend(mistakes)
    if found or study is None:
        found.sort(key=lambda problem: problem.line or 0)
        raise StudyError(found, where)
    return study


def write_study(study: Grid) -> str:
    """Return a study as YAML text."""
    plain = study.model_dump(mode="json", exclude={"ablations"}, exclude_defaults=True)
    # Whole: defaults may change one day.
    plain["training"] = study.model_dump(mode="json", include={"training"})["training"]
    plain["ablations"] = [dump_ablation(ablation) for ablation in study.ablations]
    return write_yaml(plain)


def write_yaml(plain: Any, *, flow: bool | None = None) -> str:
    r"""Return plain values as YAML text, in their order.

    ``flow`` says whether mappings and lists are written in braces; None for the innermost alone.

    >>> write_yaml({"seeds": [0, 1], "name": "one"})
    'seeds: [0, 1]\nname: one\n'
    """
    stream = io.StringIO()
    writer = YAML(typ="safe")
    writer.default_flow_style = flow
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.allow_unicode = True
    writer.width = 110
    writer.dump(plain, stream)
    return stream.getvalue()
