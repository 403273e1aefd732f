"""Every error that layerlab raises: what was got, what is expected, what exists."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


class LayerlabError(Exception):
    """The root of layerlab's errors."""


class SelectionError(LayerlabError, ValueError):
    """A selection of layers that cannot be read or does not fit the model."""


class ArchitectureError(LayerlabError, ValueError):
    """A model whose parts layerlab does not know or cannot tell apart."""


class NoEffectError(LayerlabError, ValueError):
    """An intervention that would change nothing."""


class DonorError(LayerlabError, ValueError):
    """Weights that do not exist or do not fit the place they should go to."""


class CheckpointError(LayerlabError, ValueError):
    """A checkpoint that is not there, or lacks tensors."""


class DamagedCheckpointError(CheckpointError):
    """A file of a training that cannot be gone on from.

    Attributes:
        path: The file.
        fault: What is wrong with it.
    """

    def __init__(self, path: Path, fault: str) -> None:
        self.path, self.fault = path, fault
        super().__init__(f"{path} is no checkpoint of a training ({fault}); remove it to begin anew")


class DataError(LayerlabError, ValueError):
    """A corpus that is not there, or a file that does not keep its format."""


class LabelError(LayerlabError, ValueError):
    """Labels of a target that the source does not have."""


class TrainingError(LayerlabError, RuntimeError):
    """A fine-tuning that diverged."""


class StoreError(LayerlabError, RuntimeError):
    """A results directory that cannot be used."""


class DamageError(StoreError):
    """A file of a results directory that is not what was written, as after a crash."""


class RecordsError(LayerlabError, ValueError):
    """Records that lack a column, a baseline or every row."""


def first_line(text: str, otherwise: str = "no reason was given") -> str:
    r"""Return the first line of a message that says something; what is given otherwise if none does.

    >>> first_line("\n  no such cluster \nat all"), first_line("")
    ('no such cluster', 'no reason was given')
    """
    return next((line.strip() for line in text.splitlines() if line.strip()), otherwise)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a study.

    Attributes:
        path: Where in the study, such as ``ablations[2].before[0].reset.layers``; may be empty.
        message: What was got, what is expected, what exists.
        line: 1-based line in the study file, if it came from one.
    """

    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.path}: {self.message}" if self.path else f"{where}{self.message}"


class StudyError(LayerlabError, ValueError):
    """A study with mistakes; all of them are reported at once.

    Attributes:
        problems: The mistakes, in the order of the file.
    """

    def __init__(self, problems: Sequence[Problem], where: str = "the study") -> None:
        self.problems = tuple(problems)
        self.where = where
        many = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"{where}: {many}", *(f"  - {problem}" for problem in self.problems)]))


def unknown(kind: str, got: str, known: Iterable[str]) -> str:
    """Say that a name is not known, which one may have been meant, and which exist.

    >>> unknown("task", "upso", ["ner", "upos"])
    "unknown task 'upso'; did you mean 'upos'? Known: ner, upos"
    """
    names = sorted(known)
    close = difflib.get_close_matches(got, names, n=1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown {kind} {got!r}; {guess}Known: {', '.join(names) if names else 'none'}"
