"""Figures as files for a paper, and as images for a web page."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine

from layerlab.analysis.stored.record import Where
from layerlab.errors import RecordsError, unknown
from layerlab.files import replacing
from layerlab.report.style.style import figure_style

FORMATS = ("pdf", "png")

_DPI = 300


def save_figure(figure: Figure, stem: Where, formats: Sequence[str] = ("pdf",)) -> list[Path]:
    """Save a figure at its exact size: as PDF with its fonts embedded, or as PNG at 300 dots an inch.

    Equal figures give equal files. The stem is the path without suffix; the paths are returned, one a format.

    Raises:
        RecordsError: There is no such format.
    """
    for name in formats:
        if name not in FORMATS:
            raise RecordsError(unknown("format of figures", name, FORMATS))
    stem = Path(stem)
    paths = [stem.with_name(f"{stem.name}.{name}") for name in formats]
    with laid_out(figure):
        for name, path in zip(formats, paths, strict=True):
            figure.set_dpi(_DPI)  # to write a PDF changes it
            buffer = io.BytesIO()
            if name == "pdf":
                canvas = FigureCanvasPdf(figure)
                # Without a date, equal figures give equal files.
                canvas.print_pdf(buffer, metadata={"CreationDate": None})  # type: ignore[no-untyped-call]
            else:
                FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
            with replacing(path, flush=False) as beside:
                beside.write_bytes(buffer.getvalue())
    return paths


def figure_image(figure: Figure) -> str:
    """Draw a figure as SVG within a ``data:`` address; its letters are outlines."""
    buffer = io.BytesIO()
    with laid_out(figure), mpl.rc_context({"svg.hashsalt": "layerlab"}):
        figure.set_dpi(72)
        canvas = FigureCanvasSVG(figure)
        canvas.print_svg(buffer, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return f"data:image/svg+xml;base64,{b64encode(buffer.getvalue()).decode()}"


@contextmanager
def laid_out(figure: Figure) -> Iterator[None]:
    """Lay a figure out once for all that is written within; ``Figure.savefig`` would do it for each file."""
    engine, dpi = figure.get_layout_engine(), figure.get_dpi()
    if isinstance(engine, PlaceHolderLayoutEngine):  # is laid out already
        yield
        return
    with figure_style():
        figure.set_dpi(_DPI)
        FigureCanvasAgg(figure)
        if engine is not None:
            engine.execute(figure)  # ``figure.draw_without_rendering`` would draw everything in vain, too
        figure.set_layout_engine("none")
        try:
            yield
        finally:
            figure.set_layout_engine(engine)
            figure.set_dpi(dpi)
