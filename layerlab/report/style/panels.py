"""Panels of figures and blocks of tables: one model, task, source and sweep each."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from layerlab.analysis.effects.sensitivity import EFFECT_COLUMNS, SETTING
from layerlab.analysis.effects.sweeps import FACTORS, NAMED, windows
from layerlab.analysis.records.upgrade import upgrade_effects
from layerlab.errors import RecordsError
from layerlab.names import metric_name, task_name
from layerlab.report.style.units import IN_POINTS
from layerlab.report.style.wording import sweep_words


@dataclass(frozen=True)
class Panel:
    """The coordinates that everything in a panel shares."""

    study: str
    model: str
    task: str
    metric: str
    split: str
    source: str
    sweep: str
    #: What the ablations of the sweep do, in words; its name if it is not known.
    words: str = field(compare=False, repr=False)

    @property
    def title(self) -> str:
        """Its task and source."""
        return f"{self.task_words} from {self.source}"

    @property
    def task_words(self) -> str:
        """What its task is called."""
        return task_name(self.task)

    @property
    def metric_words(self) -> str:
        """What its metric is called."""
        return metric_name(self.metric)

    @property
    def named(self) -> bool:
        """Whether its ablations are conditions with names and no sweep over layers."""
        return self.sweep in (NAMED, FACTORS)


_FIELDS = (*SETTING, "sweep")


def panels(effect: pd.DataFrame) -> dict[Panel, pd.DataFrame]:
    """Part a frame of effects into panels, in the frame's order.

    Each part also has the column ``place``, which identifies its ablations: the layers of a sweep, or the
    names of named ablations.

    Raises:
        RecordsError: The frame has no rows or is not one of effects.
    """
    effect = upgrade_effects(effect)
    missing = [name for name in EFFECT_COLUMNS if name not in effect.columns]
    if missing:
        raise RecordsError(
            f"a frame of effects, as sensitivity(records) gives it, is expected; this one lacks "
            f"{', '.join(missing)}"
        )
    if effect.empty:
        raise RecordsError(
            "there is no effect to show: the frame has no rows; the records need a baseline "
            "(ablation 'none') and at least one ablation with the same seeds"
        )
    parts = {}
    for key, part in effect.groupby(list(_FIELDS), sort=False):
        where = dict(zip(_FIELDS, map(str, key), strict=True))
        panel = Panel(**where, words=sweep_words(where["sweep"], part["options"]))
        parts[panel] = part.assign(place=part["ablation" if panel.named else "layers"])
    return parts


def places(part: pd.DataFrame) -> list[str]:
    """List the places of a panel's ablations, from the bottom to the top of the model."""
    return windows(part, "place")


def only_panel(effect: pd.DataFrame, what: str) -> tuple[Panel, pd.DataFrame]:
    """Return the one panel of a frame.

    Raises:
        RecordsError: There are several; the message lists them.
    """
    parts = panels(effect)
    if len(parts) > 1:
        titles = "; ".join(title.replace("\n", ", ") for title in panel_titles(list(parts)).values())
        raise RecordsError(f"{what} shows one panel, and the frame has {len(parts)} ({titles}); select one")
    return next(iter(parts.items()))


def panel_titles(group: list[Panel]) -> dict[Panel, str]:
    """Title panels in up to two lines: task, source and sweep always, the rest where it differs."""
    varies = {name for name in _FIELDS if len({getattr(panel, name) for panel in group}) > 1}
    titles = {}
    for panel in group:
        where = [getattr(panel, name) for name in ("study", "model") if name in varies]
        rest = [panel.metric_words] * ("metric" in varies and "task" not in varies)
        rest += [panel.split] * ("split" in varies)
        titles[panel] = "\n".join(
            filter(None, [", ".join(where), ", ".join([panel.title, *rest, panel.words])])
        )
    return titles


def show(number: float) -> str:
    """Write points with one decimal and no negative zero; ``-`` for what is missing.

    >>> show(-0.04), show(12.34), show(-3.0), show(float("nan"))
    ('0.0', '12.3', '-3.0', '-')
    """
    return IN_POINTS.show(number)


def show_p(p: float) -> str:
    """Write a p or q value with three decimals and no zero before them.

    >>> show_p(0.0625), show_p(0.0002), show_p(0.99999)
    ('.063', '<.001', '1.00')
    """
    if p < 0.001:
        return "<.001"
    # A half is rounded up: .0625 is written as readers round it.
    text = f"{p + 1e-9:.3f}"
    return "1.00" if text.startswith("1") else text.removeprefix("0")
