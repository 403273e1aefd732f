from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.significance.effects import significance
from layerlab.report.page.about import About
from layerlab.report.page.page import Page, render_page
from layerlab.report.page.parts import figure_html, table_html
from layerlab.report.page.plates import Plate
from layerlab.report.page.study_report import write_report
from layerlab.report.style.panels import show
from layerlab.report.tables.effects.drops import drop_table
from layerlab.report.tables.effects.paper import paper_table
from layerlab.report.tables.layout import Cell, Row, Section, Table
from layerlab.report.tables.study_tables import TABLES

Make = Callable[..., pd.DataFrame]

HOSTILE = '<script>alert("x")</script>&<img src=http://a.b/c onerror=alert(1)>'
VOID = {"img", "meta", "br", "hr"}


class Structure(HTMLParser):
    """Reads a page strictly: every element is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read(text: str) -> Structure:
    found = Structure()
    found.feed(text)
    found.close()
    assert found.open == []
    return found


@pytest.fixture(scope="module")
def page(synthetic: Make, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a study of two tasks whose names would be markup if they were not escaped."""
    frame = synthetic(
        n_layers=4, tasks=("upos", "ner"), models=(HOSTILE,), study=HOSTILE, targets=("de", "fr")
    )
    folder = tmp_path_factory.mktemp("page")
    write_report(frame, folder, About({"name": HOSTILE, "description": HOSTILE, "training": {"epochs": 3}}))
    return (folder / "index.html").read_text(encoding="utf-8")


def test_every_element_is_closed_and_every_link_leads_somewhere(page: str) -> None:
    found = read(page)
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [str(attributes["href"]) for attributes in found.all("a")]
    assert len(targets) > 10
    assert {target.removeprefix("#") for target in targets} <= set(ids)
    labelled = [one["aria-labelledby"] for _, one in found.elements if "aria-labelledby" in one]
    assert set(labelled) <= set(ids)


def test_nothing_is_fetched(page: str) -> None:
    found = read(page)
    for tag, attributes in found.elements:
        assert tag not in {"script", "link", "iframe", "object"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in {"src", "href", "srcset", "poster", "action"}:
                assert str(value).startswith(("#", "data:image/svg+xml;base64,"))
    assert "url(" not in page
    assert "@import" not in page
    policy = [meta.get("content") for meta in found.all("meta") if "http-equiv" in meta]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_names_stay_text(page: str) -> None:
    assert "<script" not in page
    assert "<img src=http" not in page
    found = read(page)
    assert HOSTILE in found.text


def test_it_can_be_heard(page: str) -> None:
    found = read(page)
    assert found.all("html") == [{"lang": "en"}]
    assert len(found.all("h1")) == 1
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert found.all("th")
    assert all(head.get("scope") in {"col", "row", "rowgroup"} for head in found.all("th"))
    assert len(found.all("caption")) == len(found.all("table"))
    images = found.all("img")
    assert len(images) == len(found.all("figure")) == 6
    for image in images:
        assert len(str(image["alt"])) > 60
        assert image["width"]
        assert image["height"]


def test_phones_print_and_dark_rooms_are_thought_of(page: str) -> None:
    found = read(page)
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in found.all("meta")
    for part in ("@media print", "prefers-color-scheme: dark", "break-inside: avoid", "overflow-x: auto"):
        assert part in page
    boxes = [one for one in found.all("div") if one.get("class") == "scroll"]
    assert len(boxes) == len(found.all("table"))
    assert all(box["tabindex"] == "0" for box in boxes)


def test_the_tests_are_told_under_every_table(synthetic: Make) -> None:
    effect = significance(synthetic(n_layers=4, seeds=range(8)))
    for table in (paper_table(effect), drop_table(effect)):
        for section in table.sections:
            text = table_html(section, section.title, "t")
            assert html.escape(section.note) in text
            assert "sign-flip test over seeds" in text


def test_a_table_has_the_numbers_of_its_cells() -> None:
    rows = (
        Row(("UPOS", "en-en"), (Cell(96.5), Cell(-0.4, half=0.2, drop=0.4, q=0.03))),
        Row(("", "en-X"), (Cell(78.9), Cell(float("nan")))),
    )
    section = Section("mbert", ("task", "pair"), ("REF", "0-1"), rows, "A note.", layers="columns")
    text = table_html(section, "mbert", "t")
    assert '<th scope="rowgroup" rowspan="2">UPOS</th>' in text
    assert text.count("UPOS") == 1
    assert "<td>96.5</td>" in text
    assert re.search(
        r'<td class="hurts" style="--s:40%">−0\.4 <small>±\u20090\.2</small> <small>\(\.030\)', text
    )
    assert "<td>–</td>" in text
    assert '<th scope="col" class="number whole">0–1</th>' in text
    named = Section("mbert", ("ablation",), ("REF",), (Row(("0-1",), (Cell(96.5),)),), "A note.")
    assert '<th scope="row">0-1</th>' in table_html(named, "mbert", "t")  # a name, whatever it looks like


def test_cells_are_shaded_where_those_of_latex_are(synthetic: Make) -> None:
    from layerlab.report.tables.formats.latex import to_latex

    (section,) = paper_table(synthetic(n_layers=12), intervals=False).sections
    text = table_html(section, "t", "t")
    shaded = re.findall(r'class="(?:hurts|helps)" style="--s:(\d+)%">([−\d.]+)', text)
    latex = re.findall(r"\\cellcolor\[HTML\]\{\w+\}(-?[\d.]+)", to_latex(Table((section,))))
    assert [number.replace("−", "-") for _, number in shaded] == latex
    largest = max(abs(cell.value) for row in section.rows for cell in row.cells if cell.drop is not None)
    assert {number for strength, number in shaded if strength == "100"} == {f"−{show(largest)}"}


def test_a_wide_figure_scrolls_on_its_own() -> None:
    plates = [Plate("f", "A title", "A caption.", width, 2.0, "data:,") for width in (3.03, 6.3)]
    narrow, wide = (figure_html(plate, "f") for plate in plates)
    assert 'class="wide"' not in narrow
    assert 'class="wide"' in wide
    assert 'tabindex="0"' in wide
    assert 'alt="A title. A caption."' in narrow


def test_what_is_not_there_has_no_heading() -> None:
    text = render_page(Page("s", "", [("Study", "s")], [], [], {}, {}))
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", text)
    assert headings == ["Contents", "Settings"]
    assert read(text)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
@pytest.mark.parametrize("width", [360, 390, 1200])
def test_no_page_is_wider_than_its_window(page: str, tmp_path: Path, width: int) -> None:
    """A window of that width, as a frame within a page whose script measures it."""
    script = (
        "onload = () => { const d = document.querySelector('iframe').contentDocument.documentElement;"
        "document.title = d.scrollWidth + ' of ' + d.clientWidth; }"
    )
    frame = f'<iframe style="width:{width}px;height:800px;border:0" srcdoc="{html.escape(page)}"></iframe>'
    outer = tmp_path / "outer.html"
    outer.write_text(f"<!DOCTYPE html><title></title>{frame}<script>{script}</script>", encoding="utf-8")
    options = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-component-update "
        "--disable-background-networking --disable-sync --dump-dom"
    )
    command = ["chromium", *options.split(), f"--user-data-dir={tmp_path / 'user'}", outer.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r"<title>(\d+) of (\d+)</title>", done.stdout)
    assert found is not None
    needed, there = map(int, found.groups())
    assert there >= width - 20
    assert needed <= there


def test_groups_tell_their_files() -> None:
    section = Section("s: m", ("layers",), ("REF",), (Row(("0",), (Cell(1.0),)),), "A note.")
    tables = {TABLES[0]: Table((section, section))}
    text = render_page(Page("s", "q?", [("Study", "s")], [("Hardware", "CPU")], ["Mind."], tables, {}))
    assert text.count("tables/table.md") == 1
    assert '<p class="question">q?</p>' in text
    assert '<a href="#tables-1-2">m</a>' in text
    assert "<li>Mind.</li>" in text
    assert "<dt>Hardware</dt><dd>CPU</dd>" in text
