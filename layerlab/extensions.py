"""Users' own modules, which register tasks, interventions, architectures and corpora when imported."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from layerlab.errors import Problem


def import_modules(names: object) -> list[Problem]:
    """Import the modules that a study names, from the path or the current directory; return the problems."""
    names = [names] if isinstance(names, str) else names
    problems = []
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # a file here takes the place of no library
    for name in names if isinstance(names, list | tuple) else ():
        try:
            importlib.import_module(str(name))
        except Exception as error:  # whatever a user's module does, it is a problem of the study
            problems.append(Problem("imports", f"cannot import {name!r}: {type(error).__name__}: {error}"))
    return problems
