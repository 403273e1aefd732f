from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure
from PIL import Image

from layerlab.report.figures.drawing import Drawing
from layerlab.report.style.saving import save_drawing
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH


def draw(width: float) -> Drawing:
    figure = Figure(figsize=(width, 2.0), layout="constrained")
    figure.subplots().plot([1, 2], [3, 4], label="a line")
    return Drawing("a-line", "A line", "It rises.", figure)


def pdf_width(path: Path) -> float:
    """The width of a PDF's page, in inches."""
    (box,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ", path.read_bytes())
    return float(box) / 72


def test_a_figure_of_a_columns_width_is_drawn_at_both_widths(tmp_path: Path) -> None:
    _, paths = save_drawing(draw(COLUMN_WIDTH), tmp_path)
    names = [path.relative_to(tmp_path).as_posix() for path in paths]
    assert names == ["a-line.pdf", "a-line.png", "full-width/a-line.pdf", "full-width/a-line.png"]
    for (pdf, png), width in zip((paths[:2], paths[2:]), (COLUMN_WIDTH, FULL_WIDTH), strict=True):
        assert pdf_width(pdf) == pytest.approx(width, abs=0.01)
        assert Image.open(png).size == (round(300 * width), 600)


def test_a_figure_of_the_pages_width_is_drawn_once(tmp_path: Path) -> None:
    plate, paths = save_drawing(draw(FULL_WIDTH), tmp_path)
    assert [path.name for path in paths] == ["a-line.pdf", "a-line.png"]
    assert (plate.width, plate.height) == (FULL_WIDTH, 2.0)


def test_the_image_is_svg_that_needs_no_font_and_fetches_nothing(tmp_path: Path) -> None:
    plate, _ = save_drawing(draw(COLUMN_WIDTH), tmp_path)
    head, _, body = plate.image.partition(",")
    assert head == "data:image/svg+xml;base64"
    tree = ElementTree.fromstring(b64decode(body))
    assert not list(tree.iter("{http://www.w3.org/2000/svg}text"))
    links = [value for part in tree.iter() for name, value in part.items() if name.endswith("href")]
    assert links
    assert all(link.startswith("#") for link in links)


def test_fonts_are_embedded(tmp_path: Path) -> None:
    _, paths = save_drawing(draw(COLUMN_WIDTH), tmp_path)
    assert b"/FontFile2" in paths[0].read_bytes()
    assert b"/Type3" not in paths[0].read_bytes()
