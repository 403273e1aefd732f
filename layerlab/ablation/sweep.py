"""One ablation per window of layers, or per value of a field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """One ablation per window of layers, or per value of a field.

    Attributes:
        windows: Layers in a window.
        stride: Layers from one window's start to the next; the window's size if None.
        entries: What is done to each window; options become plain values, those at their default left out.
        name: Put before each window's or value's name; made from the interventions if empty.
        values: A field with its values, such as ``{"weight": (0.25, 0.5)}``, which every entry gets that
            lacks it; then there are no windows, and each ablation is a condition with a name.

    Raises:
        StudyError: An entry cannot be read, or none is swept.
    """

    windows: int = 1
    stride: int | None = None
    entries: tuple[Swept, ...] = ()
    name: str = ""
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        swept = self.swept_field or "layers"
        if all(swept in entry.options for entry in self.entries):
            raise StudyError(
                [Problem("sweep", f"leave out `{swept}` of at least one entry: the sweep gives it")]
            )
        if self.swept_field:
            for value in self.values[self.swept_field]:
                self._build_value(value)
        else:
            self._build(Layers("0"))
        object.__setattr__(self, "entries", tuple(self._plain(entry) for entry in self.entries))

    @property
    def swept_field(self) -> str:
        """The field whose values are swept; empty for a sweep over layers."""
        return next(iter(self.values), "")

    def expand(self, n_layers: int) -> tuple[Ablation, ...]:
        """Return the ablations for an encoder's depth, from layer 0 up, or in the order of the values.

        Raises:
            SelectionError: A window is larger than the encoder.
        """
        if self.swept_field:
            return tuple(self._build_value(value) for value in self.values[self.swept_field])
        return tuple(self._build(window) for window in windows(n_layers, self.windows, self.stride))

    def _build_value(self, value: Any) -> Ablation:
        made = place(
            "",
            [
                (entry.phase, entry.at, from_dict({entry.kind: {self.swept_field: value, **entry.options}}))
                for entry in self.entries
            ],
        )
        # Without a name of its own it would be taken for a sweep over layers.
        return replace(made, name=f"{self.name}({value})" if self.name else made.name, sweep="")

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

    def _plain(self, entry: Swept) -> Swept:
        """Write an entry's fields as a study file has them, whatever they were given as."""
        given = {self.swept_field: self.values[self.swept_field][0]} if self.swept_field else {"layers": "0"}
        item = from_dict({entry.kind: {**given, **entry.options}})
        layers = {"layers": str(item.layers)} if "layers" in entry.options else {}
        options = {name: value for name, value in options_of(item).items() if name not in given}
        kept = {name: entry.options[name] for name in given if name in entry.options and name != "layers"}
        at = None if entry.at is None else float(entry.at)
        return Swept(entry.phase, entry.kind, {**layers, **options, **kept}, at)


def sweep(
    phase: str,
    kind: type[Any],
    *,
    windows: int = 1,
    stride: int | None = None,
    at: float | None = None,
    values: Mapping[str, Sequence[Any]] | None = None,
    **options: Any,
) -> tuple[Sweep]:
    """Return a sweep of one intervention over the layers, to be unpacked among a study's ablations.

    Args:
        phase: ``before``, ``during`` or ``after`` fine-tuning.
        kind: Class of the intervention, such as ``Reset``.
        windows: Layers in a window.
        stride: Layers from one window's start to the next; the window's size if None.
        at: Fraction of the steps that come before it, for ``during``.
        values: A field with its values, over which the sweep goes instead of the layers.
        options: Fields of the intervention, without ``layers``, or without the field that is swept.

    Raises:
        StudyError: The phase or a field is wrong.

    >>> from layerlab.ablation.interventions import Reset
    >>> [ablation.name for ablation in sweep("after", Reset, windows=2, to="pretrained")[0].expand(4)]
    ['reset(0-1, to=pretrained)@after', 'reset(2-3, to=pretrained)@after']
    """
    if phase not in PHASES:
        raise StudyError([Problem("", unknown("phase", phase, PHASES))], "sweep")
    given = {name: tuple(some) for name, some in (values or {}).items()}
    return (Sweep(windows, stride, (Swept(phase, kind.kind, options, at),), values=given),)
