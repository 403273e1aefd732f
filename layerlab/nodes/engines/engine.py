"""The contract of an engine: places where units are carried out, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

from layerlab.errors import Problem, StudyError, unknown
from layerlab.nodes.engines.unit import Unit
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store

ENTRY_POINTS = "layerlab.engines"


@dataclass(frozen=True)
class Ended:
    """A unit that a slot has finished with.

    Attributes:
        slot: The slot, which is free again.
        crash: Why its worker died, such as ``signal 9``; empty if it ended by itself, with or without failed
            nodes: those are in the store.
        output: The last that the worker printed, for the message of a crash.
    """

    slot: int
    crash: str = ""
    output: str = ""


class Engine(Protocol):
    """Carries out ``layerlab run-one STORE ID...`` for units, somewhere; results go to the store.

    One scheduler (:func:`layerlab.nodes.engines.scheduler.schedule`) decides what starts when. An engine is
    made for one store and one plan, and is closed at the end.
    """

    @property
    def slots(self) -> int:
        """How many units it carries out at a time."""
        ...

    def start(self, slot: int, unit: Unit) -> None:
        """Start a unit in a free slot; may return before it has ended."""
        ...

    def poll(self) -> Iterable[Ended]:
        """Return the slots whose units have ended since the last call."""
        ...

    def close(self) -> None:
        """End what is still running and release everything."""
        ...


@runtime_checkable
class Detaching(Protocol):
    """An engine whose work goes on without the process that started it."""

    @property
    def handed_over(self) -> str:
        """What goes on, in words; "" while this process still has to start something."""
        ...


class MakeEngine(Protocol):
    """Makes an engine for one store."""

    def __call__(self, store: Store, settings: WorkSettings, slots: int | None) -> Engine:
        """Return an engine.

        Args:
            store: Holds the nodes; results go there.
            settings: Device, threads, time between checkpoints.
            slots: Units at a time; None for as many as make sense.
        """
        ...


_ENGINES: dict[str, MakeEngine] = {}


def register_engine(name: str, make: MakeEngine) -> None:
    """Register an engine under the name that ``layerlab run --engine`` takes.

    A package registers its engines by entry points of the group ``layerlab.engines``.

    Raises:
        ValueError: The name is taken.
    """
    if _ENGINES.get(name, make) is not make:
        raise ValueError(f"engine {name!r} exists already")
    _ENGINES[name] = make


def known_engines() -> dict[str, MakeEngine]:
    """Return every engine by name, those of installed packages among them."""
    for entry in entry_points(group=ENTRY_POINTS):
        if entry.name not in _ENGINES:
            register_engine(entry.name, entry.load())
    return dict(_ENGINES)


def find_engine(name: str) -> MakeEngine:
    """Return what makes an engine.

    Raises:
        StudyError: No such engine is registered.
    """
    known = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
    if name not in _ENGINES and name in known:
        register_engine(name, known[name].load())
    if name not in _ENGINES:
        raise StudyError([Problem("engine", unknown("engine", name, {*_ENGINES, *known}))])
    return _ENGINES[name]
