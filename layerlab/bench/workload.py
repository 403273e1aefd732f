"""What a workload is: contenders that do the same work, and what is claimed of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Quantity = Literal["wall", "cpu", "memory", "share"]
#: Name of the contender that the claims are about.
MAIN: Final = "layerlab"


def nothing(folder: Path) -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Outcome:
    """What a contender computed, to check that all did the same.

    Attributes:
        steps: Optimiser steps, over all fits; None if there are none.
        score: Mean over ablations, seeds and targets, as a fraction; None if there are no scores.
        tokens: Tokens trained on a second; None where that is not measured.
        flops: Floating-point operations that the work needed, where only the contender knows them.
    """

    steps: int | None = None
    score: float | None = None
    tokens: float | None = None
    flops: float | None = None


def no_outcome(folder: Path) -> Outcome:
    """Read nothing."""
    return Outcome()


@dataclass(frozen=True)
class Contender:
    """One way to do the work of a workload.

    Attributes:
        name: Short name, as it stands in tables.
        command: From an empty folder to the command line of the whole process.
        prepare: Done in the folder before the clock runs.
        read: Reads what was computed from the folder.
        seconds: About how long it takes on two cores; for the time that is left, and for nothing else.
    """

    name: str
    command: Callable[[Path], Sequence[str]]
    prepare: Callable[[Path], None] = nothing
    read: Callable[[Path], Outcome] = no_outcome
    seconds: float = 10.0


@dataclass(frozen=True)
class Goal:
    """What is claimed of a contender.

    Attributes:
        quantity: ``wall`` or ``cpu`` seconds, ``memory`` of the largest process, ``share`` of the limit.
        against: The contender that it is compared with; None if its own value is meant.
        limit: For seconds against another contender at least so many times as fast, for memory at most this
            fraction of the other's; alone at most so many seconds, or at least this share.
        of: The contender.
    """

    quantity: Quantity
    against: str | None
    limit: float
    of: str = MAIN


@dataclass(frozen=True)
class Workload:
    """Work that several contenders do.

    Attributes:
        name: As ``--only`` takes it.
        title: What it is, in a few words.
        about: Its sizes at the chosen scale, in words.
        contenders: In the order of the first repeat.
        goals: What is claimed.
        prepare: Makes what all contenders need; what is there stays.
        flops: Command line that prints the floating-point operations that must be done; None if unknown.
        study: Its study, whose time can be taken apart; None if it is none.
    """

    name: str
    title: str
    about: str
    contenders: tuple[Contender, ...]
    goals: tuple[Goal, ...] = ()
    prepare: Callable[[], None] = lambda: None
    flops: Sequence[str] | None = None
    study: Path | None = None
