"""Figures as a page shows them, and as files next to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from layerlab.report.figures.figure import Drawing
from layerlab.report.style.saving import figure_image, laid_out, save_figure
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH

#: Where the files of figures go that are also drawn wider than they have to be.
FULL_FOLDER = "full-width"


@dataclass(frozen=True)
class Plate:
    """A figure as a page shows it.

    Attributes:
        name: Stem of its files.
        title: What it shows, in a few words.
        caption: One plain sentence.
        width: In inches.
        height: In inches.
        image: A ``data:`` address of it as SVG.
    """

    name: str
    title: str
    caption: str
    width: float
    height: float
    image: str


def make_plate(drawing: Drawing, folder: Path, formats: Sequence[str] = ("pdf",)) -> tuple[Plate, list[Path]]:
    """Draw a figure, save it, one of a column's width at the page's width too, and make its image.

    Files lie in the folder as ``<name>.pdf``, the wider ones in ``full-width/``; their paths are returned.
    """
    figure = drawing.draw()
    width, height = map(float, figure.get_size_inches())
    with laid_out(figure):
        paths = save_figure(figure, folder / drawing.name, formats)
        plate = Plate(drawing.name, drawing.title, drawing.words, width, height, figure_image(figure))
    if width < (COLUMN_WIDTH + FULL_WIDTH) / 2:
        figure.set_size_inches(FULL_WIDTH, height)
        paths += save_figure(figure, folder / FULL_FOLDER / drawing.name, formats)
    return plate, paths
