"""All figures, and the drawings that a study's records have data for.

Your own figure is a ``Figure`` that ``register_figure`` takes, or that an entry point of the group
``layerlab.figures`` refers to; it is listed, drawn and shown on the page like the others, after them.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

import pandas as pd

from layerlab.analysis.effects.scales import POINTS, Scale
from layerlab.analysis.records.columns import TEXT
from layerlab.analysis.stored.record import Where
from layerlab.errors import RecordsError, unknown
from layerlab.names import visible
from layerlab.report.figures.ablations.after import AFTER
from layerlab.report.figures.ablations.freezing import FREEZING
from layerlab.report.figures.ablations.heatmap import HEATMAP
from layerlab.report.figures.ablations.interpolation import INTERPOLATION
from layerlab.report.figures.ablations.sensitivity import SENSITIVITY
from layerlab.report.figures.ablations.swaps import SWAPS
from layerlab.report.figures.ablations.targets import TARGETS
from layerlab.report.figures.figure import Drawing, Figure, Material
from layerlab.report.figures.layers.aligned import ALIGNED_ENCODERS
from layerlab.report.figures.layers.alignment import ALIGNMENT
from layerlab.report.figures.layers.change import CHANGE, DRIFT
from layerlab.report.figures.layers.probes import PROBES
from layerlab.report.figures.layers.similarity import SIMILARITY
from layerlab.report.figures.trajectory import TRAJECTORY
from layerlab.report.figures.transfer.emergence import EMERGENCE
from layerlab.report.figures.transfer.gap import GAP
from layerlab.report.figures.transfer.gap_distance import GAP_DISTANCE
from layerlab.report.figures.transfer.matrix import TRANSFER
from layerlab.report.figures.transfer.overlap import OVERLAP
from layerlab.report.style.saving import save_figure
from layerlab.report.style.wording import slug

ENTRY_POINTS = "layerlab.figures"

#: The figures that come with layerlab, in the order of a report.
BUILT_IN = (
    SENSITIVITY, TARGETS, HEATMAP, AFTER, FREEZING, SWAPS, INTERPOLATION, TRANSFER, SIMILARITY, GAP,
    GAP_DISTANCE, OVERLAP, PROBES, ALIGNMENT, ALIGNED_ENCODERS, CHANGE, DRIFT, TRAJECTORY, EMERGENCE,
)  # fmt: skip

_FIGURES = {figure.name: figure for figure in BUILT_IN}


def register_figure(figure: Figure) -> Figure:
    """Add a figure to every list, gallery and report; it replaces one registered earlier under its name.

    Raises:
        RecordsError: A figure that comes with layerlab has this name.
    """
    if any(figure.name == own.name for own in BUILT_IN):
        raise RecordsError(
            f"a figure {figure.name!r} comes with layerlab; give yours a name that is none of "
            f"{', '.join(_FIGURES)}"
        )
    _FIGURES[figure.name] = figure
    return figure


def known_figures() -> tuple[Figure, ...]:
    """Return all figures in the order of a report: those of layerlab, then registered ones."""
    _load_entry_points()
    return tuple(_FIGURES.values())


def drawings(
    frame: pd.DataFrame,
    *,
    metric: str | None = None,
    figures: Sequence[str] = (),
    effect: pd.DataFrame | None = None,
    trajectories: pd.DataFrame | None = None,
    scale: Scale = POINTS,
) -> Iterator[tuple[Figure, Drawing]]:
    """Yield every drawing that the records have data for, with its figure; nothing is drawn yet.

    ``effect`` is what ``sensitivity`` gives of the records without what is incomplete on that scale, if that
    is known, and ``trajectories`` the scores along training, if there are any.

    Raises:
        RecordsError: A name that is not known, or a figure that was asked for and has no data; the message
            says which have.
    """
    known_effect = None if effect is None else _drawable(effect)
    seen = None if trajectories is None else _drawable(trajectories)
    material = Material(_drawable(frame), metric, known_effect, seen, scale)
    known = {figure.name: figure for figure in known_figures()}
    for name in figures:
        if name not in known:
            raise RecordsError(f"{unknown('figure', name, known)}. {_have_data(material)}")
    wanted = [known[name] for name in dict.fromkeys(figures)] or list(known.values())
    return _find(wanted, material, required=bool(figures))


def _drawable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return records whose names can be drawn: nothing that steers a reader's eye, and no formula of TeX."""
    names = {
        name: column.map(lambda cell: visible(cell).replace("$", r"\$") if isinstance(cell, str) else cell)
        for name, column in frame.items()
        if name in TEXT and name != "options"
    }
    return frame.assign(**names)


def available(
    frame: pd.DataFrame, *, metric: str | None = None, trajectories: pd.DataFrame | None = None
) -> dict[str, bool]:
    """Say for every figure whether the records have data for it; nothing is drawn."""
    material = Material(frame, metric, trajectories=trajectories)
    return {figure.name: _has_data(figure, material) for figure in known_figures()}


def list_figures(
    frame: pd.DataFrame, *, metric: str | None = None, trajectories: pd.DataFrame | None = None
) -> str:
    """Write the figures as lines of text: the name, what it shows, and what the records lack for it."""
    has_data = available(frame, metric=metric, trajectories=trajectories)
    width = max(map(len, has_data)) + 2
    lines = []
    for figure in known_figures():
        note = "" if has_data[figure.name] else f" (no data: needs {figure.needs})"
        lines.append(f"{figure.name:<{width}}{figure.shows}{note}")
    return "\n".join(lines)


def draw_all(
    frame: pd.DataFrame,
    folder: Where,
    *,
    metric: str | None = None,
    figures: Sequence[str] = (),
    formats: Sequence[str] = ("pdf",),
    trajectories: pd.DataFrame | None = None,
    scale: Scale = POINTS,
) -> list[Path]:
    """Draw every figure that records have data for; return the paths, such as ``heatmap-upos-en.pdf``.

    Args:
        frame: Tidy records.
        folder: Where the files go.
        metric: The metric of scores; None for each task's own.
        figures: Names of the figures wanted; none means all.
        formats: ``pdf``, ``png`` or both.
        trajectories: Scores along training, if there are any.
        scale: Of effects and gaps, ``points`` or ``log-odds``; scores stay in points.

    Raises:
        RecordsError: There is no such figure, metric or format, or no data for what was asked for.
    """
    paths: list[Path] = []
    wanted = drawings(frame, metric=metric, figures=figures, trajectories=trajectories, scale=scale)
    for _, drawing in wanted:
        paths += save_figure(drawing.draw(), Path(folder) / drawing.name, formats)
    if not paths:
        raise RecordsError(
            "there is no effect to show and no measure of layers: the records need a baseline (ablation "
            "'none') and at least one ablation with the same seeds, or measures"
        )
    return paths


def _find(
    wanted: Sequence[Figure], material: Material, *, required: bool
) -> Iterator[tuple[Figure, Drawing]]:
    names: Counter[str] = Counter()
    for figure in wanted:
        n_found = 0
        for drawing in figure.find(material):
            n_found += 1
            name = slug(drawing.name)  # so that no name leaves the folder
            names[name] += 1
            again = names[name]  # names such as a/b and a-b make one file name
            yield figure, replace(drawing, name=f"{name}-{again}" if again > 1 else name)
        if required and not n_found:
            raise RecordsError(
                f"the records have no data for the figure {figure.name!r}, which needs {figure.needs}. "
                f"{_have_data(material)}"
            )


def _has_data(figure: Figure, material: Material) -> bool:
    return next(figure.find(material), None) is not None


def _have_data(material: Material) -> str:
    names = [figure.name for figure in known_figures() if _has_data(figure, material)]
    return f"These records have data for: {', '.join(names) or 'no figure'}"


@functools.cache
def _load_entry_points() -> None:
    """Register the figures that installed packages offer, once."""
    for entry in entry_points(group=ENTRY_POINTS):
        figure = entry.load()
        if not isinstance(figure, Figure):
            raise RecordsError(f"entry point {entry.name!r} of {ENTRY_POINTS} is no Figure: {figure!r}")
        register_figure(figure)
