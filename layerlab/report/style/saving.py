"""Figures as files for a paper, at the widths of its column and page, and as images for a web page."""

from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from layerlab.report.figures.drawing import Drawing
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH, figure_style

#: Where the files of figures go that are also drawn wider than they have to be.
FULL_FOLDER = "full-width"

_DPI = 300


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


def save_drawing(drawing: Drawing, folder: Path) -> tuple[Plate, list[Path]]:
    """Save a figure as PDF and PNG, one of a column's width at the page's width too, and as an image.

    Files lie in the folder as ``<name>.pdf`` and ``<name>.png``, the wider ones in ``full-width/`` there. The
    figure is laid out once for each width; equal figures give equal files.

    Args:
        drawing: The figure and its words; its size may be changed.
        folder: Where the files go.

    Returns:
        The figure for a page, and the paths written.
    """
    figure = drawing.figure
    width, height = map(float, figure.get_size_inches())
    with figure_style():
        engine = figure.get_layout_engine()
        paths = _save_files(figure, folder / drawing.name)
        plate = Plate(drawing.name, drawing.title, drawing.caption, width, height, _image(figure))
        if width < (COLUMN_WIDTH + FULL_WIDTH) / 2:
            figure.set_layout_engine(engine)
            figure.set_size_inches(FULL_WIDTH, height)
            paths += _save_files(figure, folder / FULL_FOLDER / drawing.name)
    return plate, paths


def _save_files(figure: Figure, stem: Path) -> list[Path]:
    """Lay a figure out and save it as PDF and PNG.

    ``Figure.savefig`` would lay it out, and draw it, twice for each file: hence the canvases.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    pdf, png = (stem.with_name(stem.name + suffix) for suffix in (".pdf", ".png"))
    figure.set_dpi(_DPI)
    agg = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    agg.print_png(png)  # type: ignore[no-untyped-call]
    # Without a date, equal figures give equal files.
    canvas = FigureCanvasPdf(figure)
    canvas.print_pdf(pdf, metadata={"CreationDate": None})  # type: ignore[no-untyped-call]
    return [pdf, png]


def _image(figure: Figure) -> str:
    """Draw a laid-out figure as SVG within a ``data:`` address; its letters are outlines."""
    figure.set_dpi(72)
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "layerlab"}):
        canvas = FigureCanvasSVG(figure)
        canvas.print_svg(buffer, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return f"data:image/svg+xml;base64,{b64encode(buffer.getvalue()).decode()}"
