"""One ablation per window of layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from layerlab.ablation.ablation import Ablation, place
from layerlab.ablation.interventions import PHASES, from_dict, options_of
from layerlab.errors import Problem, StudyError, unknown
from layerlab.models.layers import Layers, windows
from layerlab.names import ablation_name


@dataclass(frozen=True)
class Swept:
    """An intervention of a sweep, without layers unless it is to keep the same ones throughout.

    Attributes:
        phase: ``before``, ``during`` or ``after``.
        kind: Which intervention.
        options: Its fields, as plain values.
        at: Its time, if the phase is ``during``.
    """

    phase: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    at: float | None = None


@dataclass(frozen=True)
class Sweep:
    """One ablation per window of layers.

    Attributes:
        windows: Layers in a window.
        stride: Layers from one window's start to the next; the window's size if None.
        entries: What is done to each window; options become plain values, those at their default left out.
        name: Put before each window's name; made from the interventions if empty.

    Raises:
        StudyError: An entry cannot be read, or none is swept.
    """

    windows: int = 1
    stride: int | None = None
    entries: tuple[Swept, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        if all("layers" in entry.options for entry in self.entries):
            raise StudyError(
                [Problem("sweep", "leave out `layers` of at least one entry: the sweep gives them")]
            )
        self._build(Layers("0"))
        object.__setattr__(self, "entries", tuple(_plain(entry) for entry in self.entries))

    def expand(self, n_layers: int) -> tuple[Ablation, ...]:
        """Return the ablations for an encoder's depth, from layer 0 up.

        Raises:
            SelectionError: A window is larger than the encoder.
        """
        return tuple(self._build(window) for window in windows(n_layers, self.windows, self.stride))

    def _build(self, window: Layers) -> Ablation:
        entries = [
            (entry.phase, entry.at, from_dict({entry.kind: {"layers": str(window), **entry.options}}))
            for entry in self.entries
        ]
        made = place(f"{self.name}({window})" if self.name else "", entries)
        return replace(made, sweep=self.name or ablation_name(made.entries, self._kept))

    @property
    def _kept(self) -> list[bool]:
        """Whether each entry has the same layers throughout, in order of phase."""
        return [
            "layers" in entry.options for phase in PHASES for entry in self.entries if entry.phase == phase
        ]


def _plain(entry: Swept) -> Swept:
    """Write an entry's fields as a study file has them, whatever they were given as."""
    item = from_dict({entry.kind: {"layers": "0", **entry.options}})
    layers = {"layers": str(item.layers)} if "layers" in entry.options else {}
    at = None if entry.at is None else float(entry.at)
    return Swept(entry.phase, entry.kind, {**layers, **options_of(item)}, at)


def sweep(
    phase: str,
    kind: type[Any],
    *,
    windows: int = 1,
    stride: int | None = None,
    at: float | None = None,
    **options: Any,
) -> tuple[Sweep]:
    """Return a sweep of one intervention over the layers, to be unpacked among a study's ablations.

    Args:
        phase: ``before``, ``during`` or ``after`` fine-tuning.
        kind: Class of the intervention, such as ``Reset``.
        windows: Layers in a window.
        stride: Layers from one window's start to the next; the window's size if None.
        at: Fraction of the steps that come before it, for ``during``.
        options: Fields of the intervention, without ``layers``.

    Raises:
        StudyError: The phase or a field is wrong.

    >>> from layerlab.ablation.interventions import Reset
    >>> [ablation.name for ablation in sweep("after", Reset, windows=2, to="pretrained")[0].expand(4)]
    ['reset(0-1, to=pretrained)@after', 'reset(2-3, to=pretrained)@after']
    """
    if phase not in PHASES:
        raise StudyError([Problem("", unknown("phase", phase, PHASES))], "sweep")
    return (Sweep(windows, stride, (Swept(phase, kind.kind, options, at),)),)
