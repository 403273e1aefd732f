"""Every figure that a study's records have data for, with titles and captions.

A kind of figure has a name and a function that gives its drawings one at a time; what the records have no
data for gives none. ``drawings`` goes through all kinds, or those that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from layerlab.errors import RecordsError, unknown
from layerlab.report.figures.after import draw_after
from layerlab.report.figures.change import draw_change, draw_drift
from layerlab.report.figures.drawing import Drawing, Material
from layerlab.report.figures.effects import draw_heatmaps, draw_sensitivity, draw_targets
from layerlab.report.figures.freezing import draw_freezing
from layerlab.report.figures.gap import draw_gap
from layerlab.report.figures.probe_drawings import draw_probes
from layerlab.report.figures.similarity import draw_similarity
from layerlab.report.figures.swaps import draw_swaps

__all__ = ["KINDS", "Drawing", "Kind", "available", "drawings", "list_figures"]


@dataclass(frozen=True)
class Kind:
    """A kind of figure.

    Attributes:
        name: Its name, as ``layerlab plot --figure`` takes it.
        shows: What it shows, in a few words.
        needs: What records must have for it.
        draw: Gives its drawings one at a time; none where the records have no data for it.
    """

    name: str
    shows: str
    needs: str
    draw: Callable[[Material], Iterator[Drawing]]


_PAIRED = "an ablation and its baseline with the same seeds"
_TRANSFER = f"{_PAIRED}, scored on a target besides the source"

#: All kinds, in the order of a report.
KINDS: tuple[Kind, ...] = (
    Kind("sensitivity", "what each layer costs on the source and zero-shot", _PAIRED, draw_sensitivity),
    Kind("targets", "what each layer costs on every target", _TRANSFER, draw_targets),
    Kind("heatmap", "layers x targets", _TRANSFER, draw_heatmaps),
    Kind(
        "after",
        "rewound, re-randomised, skipped, permuted or scaled layers, side by side",
        "two or more sweeps over layers after fine-tuning, and the baseline",
        draw_after,
    ),
    Kind(
        "freezing",
        "scores by the number of frozen lowest layers",
        "the baseline and two or more depths of freezing the lowest layers",
        draw_freezing,
    ),
    Kind(
        "swaps",
        "lower layers of one fit with upper layers of another",
        "the baseline and swaps of layers, after fine-tuning, with fits on other sources",
        draw_swaps,
    ),
    Kind(
        "similarity",
        "CKA, retrieval, ANC by layer: before and after fine-tuning, and ablated",
        "measures of source and target",
        draw_similarity,
    ),
    Kind(
        "gap",
        "transfer gap against similarity over languages, and their correlation by layer",
        "measures of source and target, and scores on the source and three or more targets",
        draw_gap,
    ),
    Kind(
        "probes", "where a task can be read, by layer and language", "rows of 'layerlab probe'", draw_probes
    ),
    Kind("change", "CKA of fine-tuned and pretrained encoder", "the measure 'change'", draw_change),
    Kind("drift", "how far fine-tuning moved each layer's weights", "the measure 'drift'", draw_drift),
)


def drawings(
    frame: pd.DataFrame, *, metric: str | None = None, figures: Sequence[str] = ()
) -> Iterator[Drawing]:
    """Give every figure that the records have data for, one at a time.

    Args:
        frame: Tidy records.
        metric: The metric of scores; None for each task's own.
        figures: Names of the kinds wanted; none means all.

    Raises:
        RecordsError: A name that is not known, or a figure that was asked for and has no data; the message
            says which have.
    """
    material = Material(frame, metric)
    known = {kind.name: kind for kind in KINDS}
    for name in figures:
        if name not in known:
            raise RecordsError(f"{unknown('figure', name, known)}. {_data_for(material)}")
    wanted = [known[name] for name in dict.fromkeys(figures)] or list(KINDS)
    return _draw(wanted, material, required=bool(figures))


def available(frame: pd.DataFrame, *, metric: str | None = None) -> dict[str, bool]:
    """Say for every kind of figure whether the records have data for it."""
    material = Material(frame, metric)
    return {kind.name: _has_data(kind, material) for kind in KINDS}


def list_figures(frame: pd.DataFrame, *, metric: str | None = None) -> str:
    """Write the kinds of figures as lines of text: the name, what it shows, and what is missing for it."""
    has_data = available(frame, metric=metric)
    width = max(len(kind.name) for kind in KINDS) + 2
    lines = []
    for kind in KINDS:
        note = "" if has_data[kind.name] else f" (no data: needs {kind.needs})"
        lines.append(f"{kind.name:<{width}}{kind.shows}{note}")
    return "\n".join(lines)


def _draw(wanted: Sequence[Kind], material: Material, *, required: bool) -> Iterator[Drawing]:
    for kind in wanted:
        n_drawn = 0
        for drawing in kind.draw(material):
            n_drawn += 1
            yield drawing
        if required and not n_drawn:
            raise RecordsError(
                f"the records have no data for the figure {kind.name!r}, which needs {kind.needs}. "
                f"{_data_for(material)}"
            )


def _has_data(kind: Kind, material: Material) -> bool:
    return next(kind.draw(material), None) is not None


def _data_for(material: Material) -> str:
    names = [kind.name for kind in KINDS if _has_data(kind, material)]
    return f"These records have data for: {', '.join(names) or 'no figure'}"
