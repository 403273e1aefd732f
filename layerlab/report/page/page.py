"""A study as one self-contained HTML page: settings, caveats, tables, figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files

from layerlab.report.page.markup import Html, element, join
from layerlab.report.page.parts import facts_html, figure_html, table_html
from layerlab.report.page.plates import Plate
from layerlab.report.page.study_facts import Facts
from layerlab.report.style.wording import slug
from layerlab.report.tables.layout import Table
from layerlab.report.tables.study_tables import StudyTable

# Nothing is fetched, whatever a page may contain.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_DOCTYPE = Html("<!DOCTYPE html>\n")


@dataclass(frozen=True)
class Page:
    """All that a study's page shows.

    Attributes:
        title: The study's name.
        question: What it asks, in a sentence; may be empty.
        settings: The study's settings.
        machine: Versions, hardware and cost.
        caveats: The limits of what it shows, in sentences.
        tables: The tables, each with what it is.
        figures: The figures, by the heading of their kind.
    """

    title: str
    question: str
    settings: Facts
    machine: Facts
    caveats: Sequence[str]
    tables: Mapping[StudyTable, Table]
    figures: Mapping[str, Sequence[Plate]]


@dataclass(frozen=True)
class _Entry:
    """A line of the contents list, with those below it; and of a section, what it contains."""

    title: str
    anchor: str
    below: Sequence[_Entry] = ()
    parts: Sequence[Html] = ()


def render_page(page: Page) -> str:
    """Write a page as one HTML file that loads nothing else; names are escaped."""
    caveats = element("ul", *(element("li", sentence) for sentence in page.caveats), class_="caveats")
    machine = [facts_html(page.machine)] if page.machine else []
    sections = [
        _Entry("Settings", "settings", parts=[facts_html(page.settings)]),
        _Entry("Caveats", "caveats", parts=[caveats] if page.caveats else []),
        _tables(page),
        _figures(page.figures),
        _Entry("Versions, hardware and cost", "machine", parts=machine),
    ]
    shown = [section for section in sections if section.parts]
    question = [element("p", page.question, class_="question")] if page.question else []
    body = [
        element("header", element("h1", page.title), *question),
        element("nav", element("h2", "Contents"), _contents(shown), aria_label="Contents"),
        element("main", *map(_section, shown)),
        element("footer", element("p", _colophon())),
    ]
    html = element("html", Html("\n"), _head(page.title), Html("\n"), element("body", *body), lang="en")
    return join([_DOCTYPE, html, Html("\n")])


def _head(title: str) -> Html:
    style = files("layerlab.report.page").joinpath("page.css").read_text(encoding="utf-8")
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} – layerlab"),
        element("style", Html(style)),
    )


def _section(section: _Entry) -> Html:
    name = f"{section.anchor}-heading"
    heading = element("h2", section.title, id=name)
    return element("section", heading, *section.parts, id=section.anchor, aria_labelledby=name)


def _tables(page: Page) -> _Entry:
    parts: list[Html] = []
    entries: list[_Entry] = []
    for number, (group, table) in enumerate(page.tables.items(), 1):
        anchor = f"tables-{number}"
        parts.append(element("h3", group.title, id=anchor))
        below = []
        for index, section in enumerate(table.sections, 1):
            place = f"{anchor}-{index}"
            last = index == len(table.sections)
            title = section.title.removeprefix(f"{page.title}: ")
            parts.append(table_html(section, title, place, group.files if last else ""))
            below.append(_Entry(title, place))
        entries.append(_Entry(group.title, anchor, below))
    return _Entry("Tables", "tables", entries, parts)


def _figures(groups: Mapping[str, Sequence[Plate]]) -> _Entry:
    parts: list[Html] = []
    entries: list[_Entry] = []
    for number, (title, plates) in enumerate(groups.items(), 1):
        anchor = f"figures-{number}"
        places = [f"figure-{slug(plate.name)}-{number}-{index}" for index, plate in enumerate(plates, 1)]
        shown = [figure_html(plate, place) for plate, place in zip(plates, places, strict=True)]
        parts += [element("h3", title, id=anchor), element("div", *shown, class_="figures")]
        below = [_Entry(plate.title, place) for plate, place in zip(plates, places, strict=True)]
        entries.append(_Entry(title, anchor, below))
    return _Entry("Figures", "figures", entries, parts)


def _contents(entries: Sequence[_Entry]) -> Html:
    items = []
    for entry in entries:
        link = element("a", entry.title, href=f"#{entry.anchor}")
        items.append(element("li", link, *([_contents(entry.below)] if entry.below else [])))
    return element("ul", *items)


def _colophon() -> str:
    try:
        made_by = f"layerlab {version('layerlab')}"
    except PackageNotFoundError:
        made_by = "layerlab"
    return f"Made by {made_by} from the study's records only: the same records give the same page."
