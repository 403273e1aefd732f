"""A study and its plan as users meet them: the grid with all that can be done with it.

The values are in ``grid.py`` and ``plan.py``, which know nothing of files, stores and engines. These two
classes add no state, only the verbs, so that a study is expanded and run in two calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.node import Node
from layerlab.nodes.store.store import Store
from layerlab.study.grid import Grid
from layerlab.study.outline import describe_plan
from layerlab.study.plan import Plan
from layerlab.study.planning.expansion import expand
from layerlab.study.reading import read_study, write_study
from layerlab.study.runner import Outcome, run_plan


class StudyPlan(Plan):
    """The nodes of a study, and what can be done with them; see :class:`layerlab.study.plan.Plan`."""

    @property
    def fits(self) -> tuple[Fit, ...]:
        """Fine-tunings, donors before those that need them."""
        return self.of(Fit)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Evaluations."""
        return self.of(Run)

    def describe(
        self, store: Store | None = None, *, cost_as: str | None = None, flops: float | None = None
    ) -> str:
        """Return the plan as text; see :func:`layerlab.study.outline.describe_plan`."""
        return describe_plan(self, store, cost_as=cost_as, flops=flops)

    def run(self, folder: str | Path, **options: Any) -> Outcome:
        """Carry the plan out in a results folder; what is complete there is not done again.

        Args:
            folder: Results directory.
            **options: ``workers``, ``device``, ``engine``, ``progress`` and others of
                :func:`layerlab.study.runner.run_plan`.
        """
        return run_plan(self, folder, **options)


class Study(Grid):
    """What is ablated, in which models, on which tasks and languages, with which seeds.

    Its fields are those of :class:`layerlab.study.grid.Grid`.

    Raises:
        ValidationError: A field is missing, misspelt or of the wrong kind.
    """

    def plan(self, *, check: bool | Callable[[Sequence[Node]], bool] = True) -> StudyPlan:
        """Expand the grid into nodes: pretrainings, fits and runs; no weights are loaded.

        Args:
            check: Also read every corpus and compare labels, so that mistakes show before time is spent; may
                be a function of the nodes that says so.

        Raises:
            StudyError: Everything that is wrong with the study, at once.
        """
        expanded = expand(self, check=check)
        return StudyPlan(**{field.name: getattr(expanded, field.name) for field in fields(expanded)})

    @classmethod
    def from_yaml(cls, path: str | Path, overrides: Iterable[str] = ()) -> Self:
        """Read a study file; ``overrides`` are ``path=value`` texts as on the command line.

        Raises:
            StudyError: Every mistake in the file, with lines and paths.
        """
        return read_study(cls, Path(path), tuple(overrides))

    def to_yaml(self) -> str:
        """Return the study as YAML text that reads back to the same runs."""
        return write_study(self)
