"""Users' own modules, which register tasks, interventions, architectures and corpora when imported."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from layerlab.errors import Problem


def import_modules(names: object, beside: Sequence[Path] = ()) -> list[Problem]:
    """Import the modules that a study names, and return the problems.

    Args:
        names: Names of modules; anything that is no list of them is left to who checks the study.
        beside: Directories to look in after the path and the current one, such as that of the study file.
    """
    names = [names] if isinstance(names, str) else names
    names = [str(name) for name in names] if isinstance(names, list | tuple) else []
    problems = []
    for folder in (Path.cwd(), *beside) if names else ():
        if str(folder.resolve()) not in sys.path:
            sys.path.append(str(folder.resolve()))  # last: a file there takes the place of no library
    for name in names:
        try:
            importlib.import_module(name)
        except (
            Exception,
            SystemExit,
        ) as error:  # whatever a user's module does, it is a problem of the study
            said = f"it ends the program ({error})" if isinstance(error, SystemExit) else str(error)
            problems.append(Problem("imports", f"cannot import {name!r}: {type(error).__name__}: {said}"))
    return problems
