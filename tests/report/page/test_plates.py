"""A plate is a figure on the page, with files at the width of a column and of the page."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from layerlab.report.figures.figure import Drawing
from layerlab.report.page.plates import make_plate
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH
from tests.fixtures.drawn_text import pdf_width


def drawing(width: float) -> Drawing:
    def draw() -> Figure:
        figure = Figure(figsize=(width, 2.0), layout="constrained")
        figure.subplots().plot([1, 2], [3, 4])
        return figure

    return Drawing("a-line", "A line", lambda: "It rises.", draw)


def test_a_figure_of_a_columns_width_is_drawn_at_both_widths(tmp_path: Path) -> None:
    plate, paths = make_plate(drawing(COLUMN_WIDTH), tmp_path)
    names = [path.relative_to(tmp_path).as_posix() for path in paths]
    assert names == ["a-line.pdf", "full-width/a-line.pdf"]
    assert [round(pdf_width(path), 2) for path in paths] == [COLUMN_WIDTH, FULL_WIDTH]
    assert (plate.title, plate.caption) == ("A line", "It rises.")


def test_a_figure_of_the_pages_width_is_drawn_once(tmp_path: Path) -> None:
    plate, paths = make_plate(drawing(FULL_WIDTH), tmp_path, ("pdf", "png"))
    assert [path.name for path in paths] == ["a-line.pdf", "a-line.png"]
    assert (plate.width, plate.height) == (FULL_WIDTH, 2.0)
