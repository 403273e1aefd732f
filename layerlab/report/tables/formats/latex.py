"""Tables as LaTeX: booktabs rules, siunitx columns, cells shaded by the size of the drop."""

from __future__ import annotations

import pandas as pd

from layerlab.names import visible
from layerlab.report.style.style import shade
from layerlab.report.tables.cells import interval_words, p_words, seed_words
from layerlab.report.tables.effects.drops import drop_table
from layerlab.report.tables.layout import Cell, Row, Section, Table

#: What a document needs to contain the tables.
PREAMBLE = "\\usepackage{booktabs}\n\\usepackage{siunitx}\n\\usepackage[table]{xcolor}\n"

_COLUMN = 54  # characters of a table that fit a column of a two-column page

_ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "±": r"$\pm$", "≤": r"$\le$",
}  # fmt: skip


def to_latex(table: Table | pd.DataFrame, *, standalone: bool = False) -> str:
    """Write a table as LaTeX; each section is a ``table`` captioned with its title, its note above.

    Labels are ``tab:<study>`` and, for the table of every interval, ``tab:<study>-effects``; further sections
    of a study count on: ``tab:<study>-2``.

    Args:
        table: A table; of a frame of effects (or of records) ``drop_table`` is written.
        standalone: Write a document that compiles by itself; otherwise the preamble is in a comment.
    """
    if isinstance(table, pd.DataFrame):
        table = drop_table(table)
    labels = _labels(table)
    body = "\n".join(_section(*item) for item in zip(table.sections, labels, strict=True))
    if standalone:
        return f"\\documentclass{{article}}\n{PREAMBLE}\\begin{{document}}\n{body}\\end{{document}}\n"
    needed = "".join(f"% {line}\n" for line in PREAMBLE.splitlines())
    return f"{needed}{body}"


def escape(text: str) -> str:
    r"""Escape what LaTeX would read as markup.

    >>> print(escape("zh_hans & 50%"))
    zh\_hans \& 50\%
    """
    return "".join(_ESCAPES.get(character, character) for character in visible(text, keep="\n"))


def _labels(table: Table) -> list[str]:
    """Return every section a label of its own; none to those without."""
    found: list[str] = []
    for section in table.sections:
        label, count = section.label, 1
        while label and label in found:
            count += 1
            label = f"{section.label}-{count}"
        found.append(label)
    return found


def _section(section: Section, label: str) -> str:
    number_columns = [_column(section, index) for index in range(len(section.columns))]
    spec = "@{}" + "l" * len(section.names) + "".join(number_columns) + "@{}"
    level, least = (_length(section, stacked=stacked) for stacked in (False, True))
    # Words are stacked where that makes the table fit the column, or the page, and nowhere else.
    stacked = level > _COLUMN and (least <= _COLUMN or level > 2 * _COLUMN)
    header = [*map(escape, section.names), *(_header(name, stacked) for name in section.columns)]
    length = _length(section, stacked)
    table = "table" if length <= _COLUMN else "table*"
    size = r"\footnotesize" if length <= 2 * _COLUMN else r"\scriptsize"
    lines = [
        rf"\begin{{{table}}}",
        rf"\centering{size}\setlength{{\tabcolsep}}{{2pt}}",
        rf"\begin{{tabular}}{{{spec}}}",
        r"\toprule",
        " & ".join(header) + r" \\",
        r"\midrule",
    ]
    for row in section.rows:
        lines += [r"\addlinespace"] * row.ruled + [_row(row, number_columns, section)]
    lines += [
        r"\bottomrule",
        r"\end{tabular}",
        rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize {escape(section.note)}}}",
        rf"\caption{{{escape(section.title)}.}}",
        *([rf"\label{{tab:{label}}}"] if label else []),
        rf"\end{{{table}}}",
    ]
    return "\n".join(lines) + "\n"


def _header(name: str, stacked: bool) -> str:
    """Write the header of a column of numbers, its words below one another where that saves room."""
    if not stacked or " " not in name:
        return f"{{{escape(name)}}}"
    words = r"\\".join(map(escape, name.split(" ")))
    return rf"{{\shortstack[r]{{\strut {words}}}}}"


def _length(section: Section, stacked: bool) -> int:
    """Estimate how many characters the lines of a section have, with its headers' words stacked or not."""
    headers = [max(name.split(" "), key=len) if stacked else name for name in section.columns]
    lines = [[*section.names, *headers]]
    for row in section.rows:
        lines.append([*row.names, *(_plain(cell, section) for cell in row.cells)])
    return sum(max(map(len, column)) + 1 for column in zip(*lines, strict=True))


def _plain(cell: Cell, section: Section) -> str:
    """Write a cell without markup, for its length."""
    parts = (interval_words(cell, " ± ", unit=section.unit), p_words(cell), seed_words(cell, section))
    return " ".join(filter(None, parts))


def _column(section: Section, index: int) -> str:
    """Choose a column's type: aligned at the point, or right-aligned where numbers carry intervals."""
    cells = [row.cells[index] for row in section.rows]
    bare = all((cell.half, cell.q, cell.ends, cell.within) == (None,) * 4 for cell in cells)
    if section.counted or not bare:
        return "r"
    unit = section.unit
    numbers = [unit.show(cell.value) for cell in cells if cell.value == cell.value] or ["0.0"]
    sign = "-" if any(cell.drop is not None for cell in cells) else ""  # differences, never REF
    digits = max(len(number.lstrip("-").split(".")[0]) for number in numbers)
    return f"S[table-format={sign}{digits}.{unit.decimals}]"


def _row(row: Row, number_columns: list[str], section: Section) -> str:
    cells = [_cell(cell, column, section) for cell, column in zip(row.cells, number_columns, strict=True)]
    return " & ".join([*map(escape, row.names), *cells]) + r" \\"


def _cell(cell: Cell, column: str, section: Section) -> str:
    unit = section.unit
    colour = None
    if cell.drop is not None:
        colour = shade(cell.drop, section.largest, least=unit.least, smallest=unit.smallest)
    background = rf"\cellcolor[HTML]{{{colour}}}" if colour else ""
    if cell.value != cell.value:
        return "{--}"
    if column == "r":
        parts = (interval_words(cell, r" \pm ", r"\ ", unit), p_words(cell), seed_words(cell, section))
        number = r"\ ".join(part.replace("; ", r";\ ") for part in parts if part)
        return f"{background}${number}$"
    return f"{background}{unit.show(cell.value)}"
