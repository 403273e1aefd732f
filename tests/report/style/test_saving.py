"""Figures are saved at their exact size, once a format, as equal files for equal figures."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from PIL import Image

from layerlab.errors import RecordsError
from layerlab.report.style.saving import figure_image, save_figure
from layerlab.report.style.style import COLUMN_WIDTH, figure_style
from tests.fixtures.drawn_text import pdf_width


def draw(width: float = COLUMN_WIDTH) -> Figure:
    with figure_style():
        figure = Figure(figsize=(width, 2.0), layout="constrained")
        figure.subplots().plot([1, 2], [3, 4], label="a line")
    return figure


def test_a_figure_has_one_file_a_format_at_its_size(tmp_path: Path) -> None:
    assert [path.name for path in save_figure(draw(), tmp_path / "a")] == ["a.pdf"]
    pdf, png = save_figure(draw(), tmp_path / "deep" / "v1.5", ("pdf", "png"))
    assert (pdf.name, png.name) == ("v1.5.pdf", "v1.5.png")
    assert pdf_width(pdf) == pytest.approx(COLUMN_WIDTH, abs=0.01)
    assert Image.open(png).size == (round(300 * COLUMN_WIDTH), 600)
    with pytest.raises(RecordsError, match="unknown format of figures 'jpg'"):
        save_figure(draw(), tmp_path / "a", ("jpg",))


def test_fonts_are_embedded(tmp_path: Path) -> None:
    (pdf,) = save_figure(draw(), tmp_path / "a")
    assert b"/FontFile2" in pdf.read_bytes()
    assert b"/Type3" not in pdf.read_bytes()


def test_saving_leaves_the_figure_and_the_settings_as_they_were(tmp_path: Path) -> None:
    figure, before = draw(), dict(mpl.rcParams)
    engine, dpi = figure.get_layout_engine(), figure.get_dpi()
    (first,) = save_figure(figure, tmp_path / "first")
    figure_image(figure)
    (second,) = save_figure(figure, tmp_path / "second")
    assert first.read_bytes() == second.read_bytes()
    assert (figure.get_layout_engine(), figure.get_dpi()) == (engine, dpi)
    assert dict(mpl.rcParams) == before


def test_the_image_is_svg_that_needs_no_font_and_fetches_nothing() -> None:
    head, _, body = figure_image(draw()).partition(",")
    assert head == "data:image/svg+xml;base64"
    tree = ElementTree.fromstring(b64decode(body))
    assert not list(tree.iter("{http://www.w3.org/2000/svg}text"))
    links = [value for part in tree.iter() for name, value in part.items() if name.endswith("href")]
    assert links
    assert all(link.startswith("#") for link in links)
