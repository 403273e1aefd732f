"""Where nodes beside the fits stand in a study: one for each model, task, source and seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from layerlab.errors import Problem, StudyError, unknown
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.node import Node
from layerlab.validation import validate


class OfTasks(Protocol):
    """Options of nodes that a study may ask for in some of its tasks."""

    @property
    def tasks(self) -> Sequence[str]:
        """Some of the study's tasks; all of them if there are none."""
        ...


Options = TypeVar("Options", bound=BaseModel)


def read_options(form: type[Options], options: Any, kind: str) -> Options:
    """Read what a study says of a kind of node.

    Raises:
        StudyError: The options make no sense.
    """
    read, problems = validate(form, options or {}, below=("nodes", kind))
    if read is None:
        raise StudyError(problems, f"nodes.{kind}")
    return read


def places_of(study: Any, nodes: Sequence[Node], options: OfTasks, kind: str) -> Iterator[tuple[Fit, Run]]:
    """Yield for each model, task, source and seed the first fit with the first of its runs.

    Raises:
        StudyError: The options name a task that the study does not have.
    """
    if wrong := [task for task in options.tasks if task not in study.tasks]:
        problem = Problem(f"nodes.{kind}.tasks", unknown("task of this study", wrong[0], study.tasks))
        raise StudyError([problem], f"nodes.{kind}")
    fits = {item.id: item for item in nodes if isinstance(item, Fit)}
    seen = set()
    for run in (item for item in nodes if isinstance(item, Run)):
        fit = fits[run.fit]
        place = tuple(fit.columns.values())
        if place not in seen and fit.spec.task in (options.tasks or study.tasks):
            seen.add(place)
            yield fit, run
