"""Which trackers there are, and whether their packages are installed; nothing of them is imported."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Final, Literal, get_args

from layerlab.errors import Problem, StudyError

Tracker = Literal["tensorboard", "wandb", "mlflow"]
TRACKERS: Final[tuple[Tracker, ...]] = get_args(Tracker)


def check_trackers(names: Iterable[Tracker]) -> None:
    """Check that the package of every tracker is installed; each is called as its tracker.

    Raises:
        StudyError: One is not; says how to install it.

    >>> check_trackers([])
    """
    there = [name for name in TRACKERS if find_spec(name) is not None]
    problems = [
        Problem(
            "report_to",
            f"got {name}, whose package is not installed; expected {' or '.join(there) or 'nothing'}, or: "
            f"pip install 'layerlab[{name}]'",
        )
        for name in names
        if name not in there
    ]
    if problems:
        raise StudyError(problems)
