"""Tables, figures and facts as accessible HTML, for screens of any width and for print."""

from __future__ import annotations

from layerlab.report.page.markup import Html, element
from layerlab.report.page.plates import Plate
from layerlab.report.page.study_facts import Facts
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH, shade
from layerlab.report.tables.cells import p_words, seed_words
from layerlab.report.tables.layout import Cell, Row, Section

_MOST_SPACED = 10  # columns of numbers that have room
_PIXELS = 96 * 1.32  # an inch on the page: letters of 8 points are as large as a note's


def table_html(section: Section, title: str, anchor: str, files: str = "") -> Html:
    """Write a table in a box that scrolls by itself, with its note and where its files are below."""
    caption = element("caption", element("span", title), id=f"{anchor}-title")
    heads = [element("th", name, scope="col") for name in section.names]
    columns = [_dash(name) if section.layers == "columns" else name for name in section.columns]
    for name in columns:
        kind = "number" if " " in name else "number whole"
        heads.append(element("th", name, scope="col", class_=kind))
    spans = _spans(section.rows)
    rows = [_row(row, span, section) for row, span in zip(section.rows, spans, strict=True)]
    dense = "dense" if len(section.columns) > _MOST_SPACED else None
    body = [element("thead", element("tr", *heads)), element("tbody", *rows)]
    table = element("table", caption, *body, class_=dense)
    box = element("div", table, class_="scroll", role="region", tabindex=0, aria_labelledby=f"{anchor}-title")
    links = [element("br"), "Files: ", element("code", files)] if files else []
    return element("div", box, element("p", section.note, *links, class_="note"), id=anchor)


def facts_html(facts: Facts) -> Html:
    """Write names and values as a list of terms."""
    pairs = [(element("dt", name), element("dd", value)) for name, value in facts]
    return element("dl", *(part for pair in pairs for part in pair))


def figure_html(plate: Plate, anchor: str) -> Html:
    """Write a figure on a white card, its caption below and as its alternative text."""
    wide = plate.width > (COLUMN_WIDTH + FULL_WIDTH) / 2
    image = element(
        "img",
        src=plate.image,
        alt=f"{plate.title}. {plate.caption}",
        width=round(plate.width * _PIXELS),
        height=round(plate.height * _PIXELS),
    )
    scrolls: dict[str, str | int] = (
        {"role": "region", "tabindex": 0, "aria_label": plate.title} if wide else {}
    )
    words = [element("b", f"{plate.title}."), " ", plate.caption, element("code", f"figures/{plate.name}")]
    card = element("div", image, class_="card", **scrolls)
    return element("figure", card, element("figcaption", *words), id=anchor, class_="wide" if wide else None)


def _row(row: Row, span: int, section: Section) -> Html:
    """Write a row; ``span`` rows share its first name, and 0 says that a row above has it."""
    names = [
        element(
            "th",
            _dash(name) if section.layers == "rows" else name,
            scope="rowgroup" if index == 0 and span > 1 else "row",
            rowspan=span if index == 0 and span > 1 else None,
        )
        for index, name in enumerate(row.names)
        if index or span
    ]
    return element(
        "tr", *names, *(_cell(cell, section) for cell in row.cells), class_="ruled" if row.ruled else None
    )


def _spans(rows: tuple[Row, ...]) -> list[int]:
    """Count the rows that each first name spans; 0 for rows below it without a name."""
    spans: list[int] = []
    owner = 0
    for index, row in enumerate(rows):
        if row.names[0] or index == 0:
            owner = index
            spans.append(1)
        else:
            spans[owner] += 1
            spans.append(0)
    return spans


def _cell(cell: Cell, section: Section) -> Html:
    """Write a number with its interval, tests and n, on a background as strong as the drop is large."""
    if cell.value != cell.value:
        return element("td", "–")
    unit, largest = section.unit, section.largest
    parts: list[str] = [_minus(unit.show(cell.value))]
    if cell.half is not None:
        parts += [" ", element("small", f"±\u2009{unit.show(cell.half)}")]
    if cell.ends is not None:
        ends = ", ".join(map(unit.show, cell.ends))
        parts += [" ", element("small", _minus(f"[{ends}]"))]
    for words in filter(None, (p_words(cell), seed_words(cell, section))):
        parts += [" ", element("small", words)]
    if cell.drop is None or shade(cell.drop, largest, least=unit.least, smallest=unit.smallest) is None:
        return element("td", *parts)
    strength = min(1.0, abs(cell.drop) / max(largest, unit.smallest))
    kind = "hurts" if cell.drop > 0 else "helps"
    return element("td", *parts, class_=kind, style=f"--s:{100 * strength:.0f}%")


def _dash(layers: str) -> str:
    """Write the hyphens of a selection of layers as dashes.

    >>> _dash("10-11"), _dash("embeddings,0-2")
    ('10–11', 'embeddings,0–2')
    """
    return layers.replace("-", "–")


def _minus(number: str) -> str:
    """Write a number's hyphen as a minus sign."""
    return number.replace("-", "−")
