"""When layers are intervened on: before, during or after fine-tuning."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from layerlab.ablation.interventions import (
    PHASES,
    Intervention,
    at_depth,
    kind_of,
    known_interventions,
    options_of,
)
from layerlab.errors import Problem, StudyError
from layerlab.models.layers import Layers, union
from layerlab.names import ablation_name, donor_text


@dataclass(frozen=True)
class Timed:
    """An intervention with its time during fine-tuning.

    Attributes:
        at: Fraction of the optimiser steps that come before it, in [0, 1).
        intervention: The intervention.
    """

    at: float
    intervention: Intervention

    def __post_init__(self) -> None:
        if isinstance(self.at, bool) or not isinstance(self.at, int | float) or not 0 <= self.at < 1:
            raise StudyError([Problem("at", f"expected a fraction of the steps in [0, 1), got {self.at!r}")])
        object.__setattr__(self, "at", float(self.at))  # 0 and 0.0 are one time, in text too


@dataclass(frozen=True)
class Ablation:
    """A named condition: which interventions are made before, during and after fine-tuning.

    Attributes:
        name: Names the condition in records and figures; made from the interventions if empty.
        before: Made on the pretrained encoder, in order.
        during: Made on the clock.
        after: Made on the fine-tuned encoder, in order.
        sweep: Name of the sweep over layers that it belongs to: its author's, or what it does without the
            layers; empty for the baseline and for an ablation that its author named.

    Raises:
        StudyError: An intervention makes no sense where it is placed.

    >>> from layerlab.ablation.interventions import Reset
    >>> ablation = Ablation(before=(Reset("0-1"),))
    >>> ablation.name, ablation.sweep
    ('reset(0-1)@before', 'reset@before')
    """

    name: str = ""
    before: tuple[Intervention, ...] = ()
    during: tuple[Timed, ...] = ()
    after: tuple[Intervention, ...] = ()
    sweep: str = field(default="", compare=False, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        for phase in PHASES:
            given = getattr(self, phase)
            placed = tuple(given) if isinstance(given, Sequence) else (given,)
            object.__setattr__(self, phase, placed)
        problems = self._misplaced()
        if problems:
            raise StudyError(problems, f"ablation {self.name!r}" if self.name else "ablation")
        if not self.interventions and self.name not in {"", "none"}:
            problems.append(
                Problem("", f"ablation {self.name!r} does nothing; the baseline is called 'none'")
            )
        if self.interventions and self.name == "none":
            problems.append(Problem("name", "'none' is the baseline, which intervenes nowhere"))
        if problems:
            raise StudyError(problems, f"ablation {self.name!r}" if self.name else "ablation")
        if not self.name:
            entries = self.entries
            object.__setattr__(self, "name", ablation_name(entries))
            if entries and not self.sweep:
                object.__setattr__(self, "sweep", ablation_name(entries, [False] * len(entries)))

    @classmethod
    def none(cls) -> Ablation:
        """Return the baseline."""
        return cls("none")

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        """Every intervention, in order of phase."""
        return (*self.before, *(timed.intervention for timed in self.during), *self.after)

    @property
    def phase(self) -> str:
        """``none``, ``before``, ``during``, ``after``, or ``mixed``."""
        used = [phase for phase in PHASES if getattr(self, phase)]
        return "none" if not used else used[0] if len(used) == 1 else "mixed"

    @property
    def kind(self) -> str:
        """``none``, the one kind of its interventions, or ``mixed``."""
        kinds = {kind_of(item) for item in self.interventions}
        return "none" if not kinds else kinds.pop() if len(kinds) == 1 else "mixed"

    @property
    def layers(self) -> str:
        """Everything that is selected by any intervention; empty for the baseline."""
        return str(union(item.layers for item in self.interventions) or "")

    @property
    def first_layer(self) -> int | None:
        """The lowest selected layer of a resolved ablation, -1 for the embeddings; None for the baseline."""
        return Layers(self.layers).first if self.layers else None

    @property
    def last_layer(self) -> int | None:
        """The highest selected layer of a resolved ablation, -1 for the embeddings; None for the baseline."""
        return Layers(self.layers).last if self.layers else None

    @property
    def donor(self) -> str:
        """Which layers get another model's weights, and whose; empty if none do.

        >>> from layerlab.ablation.interventions import FitDonor, Swap
        >>> Ablation(after=(Swap("0-5", donor=FitDonor(source="ru")), Swap("6", donor="pretrained"))).donor
        '0-5: fit(source=ru); 6: pretrained'
        """
        return donor_text(self.entries)

    @property
    def entries(self) -> tuple[dict[str, Any], ...]:
        """Its interventions as plain values: phase, time, kind, layers and what is not at its default."""
        found = []
        for phase in PHASES:
            for placed in getattr(self, phase):
                item = placed.intervention if isinstance(placed, Timed) else placed
                time = {"at": placed.at} if isinstance(placed, Timed) else {}
                place = {"phase": phase, **time, "kind": kind_of(item), "layers": str(item.layers)}
                found.append(place | options_of(item))
        return tuple(found)

    @property
    def options(self) -> str:
        """Its entries as JSON text, always written alike.

        >>> from layerlab.ablation.interventions import Reset
        >>> Ablation(after=(Reset("0", to="pretrained"),)).options
        '[{"phase":"after","kind":"reset","layers":"0","to":"pretrained"}]'
        """
        return json.dumps(self.entries, separators=(",", ":"), ensure_ascii=False)

    def resolve(self, n_layers: int) -> Ablation:
        """Return the ablation in its one form for a depth, with canonical selections; the name stays.

        Raises:
            SelectionError: A layer does not exist, or an order or pairing does not fit the selected layers.
        """
        return Ablation(
            self.name,
            tuple(at_depth(item, n_layers) for item in self.before),
            tuple(Timed(timed.at, at_depth(timed.intervention, n_layers)) for timed in self.during),
            tuple(at_depth(item, n_layers) for item in self.after),
            sweep=self.sweep,
        )

    def _misplaced(self) -> list[Problem]:
        problems = []
        for phase in PHASES:
            for index, item in enumerate(getattr(self, phase)):
                if (phase == "during") != isinstance(item, Timed):
                    message = (
                        "expected Timed(at, intervention)" if phase == "during" else "only during has a time"
                    )
                    problems.append(Problem(f"{phase}[{index}]", f"{message}, got {item!r}"))
                    continue
                message = misplaced(kind_of(item.intervention if isinstance(item, Timed) else item), phase)
                if message:
                    problems.append(Problem(f"{phase}[{index}]", message))
        return problems


def place(name: str, entries: Iterable[tuple[str, float | None, Intervention]]) -> Ablation:
    """Make an ablation of interventions, each with its phase and, during fine-tuning, its time."""
    placed: dict[str, list[Any]] = {phase: [] for phase in PHASES}
    for phase, at, item in entries:
        placed[phase].append(item if at is None else Timed(at, item))
    return Ablation(name, *(tuple(placed[phase]) for phase in PHASES))


def misplaced(kind: str, phase: str) -> str:
    """Say where a kind belongs if it makes no sense in a phase; empty if it does.

    >>> misplaced("freeze", "after")
    'freeze makes no sense after fine-tuning; it belongs before or during it'
    """
    allowed = known_interventions()[kind].phases
    if phase in allowed:
        return ""
    places = " or ".join(place for place in PHASES if place in allowed)
    return f"{kind} makes no sense {phase} fine-tuning; it belongs {places} it"
