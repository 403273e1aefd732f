"""Tables as Markdown that is readable as plain text: padded columns, numbers to the right."""

from __future__ import annotations

import pandas as pd

from layerlab.names import visible
from layerlab.report.tables.cells import interval_words, p_words, seed_words
from layerlab.report.tables.effects.drops import drop_table
from layerlab.report.tables.layout import Cell, Section, Table


def to_markdown(table: Table | pd.DataFrame) -> str:
    """Write a table as Markdown.

    Args:
        table: A table; of a frame of effects (or of records) ``drop_table`` is written.

    >>> from layerlab.report.tables.layout import Row
    >>> rows = (Row(("upos", "en-en"), (Cell(96.5), Cell(-0.4))), Row(("", "en-X"), (Cell(78.9), Cell(-9.2))))
    >>> print(to_markdown(Table((Section("mbert", ("task", "pair"), ("REF", "0-1"), rows, "One seed."),))))
    **mbert**
    <BLANKLINE>
    | task | pair  |  REF |  0-1 |
    | :--- | :---- | ---: | ---: |
    | upos | en-en | 96.5 | -0.4 |
    |      | en-X  | 78.9 | -9.2 |
    <BLANKLINE>
    One seed.
    <BLANKLINE>
    """
    if isinstance(table, pd.DataFrame):
        table = drop_table(table)
    return "\n".join(_section(section) for section in table.sections)


def _section(section: Section) -> str:
    left = len(section.names)
    body = [[*map(_escape, row.names), *(_text(cell, section) for cell in row.cells)] for row in section.rows]
    header = [_escape(name) for name in (*section.names, *section.columns)]
    widths = [max(4, *(len(line[column]) for line in [header, *body])) for column in range(len(header))]
    rule = [
        ":" + "-" * (width - 1) if column < left else "-" * (width - 1) + ":"
        for column, width in enumerate(widths)
    ]
    lines = [
        "| "
        + " | ".join(
            text.ljust(width) if column < left else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in [header, rule, *body]
    ]
    return "\n".join([f"**{_escape(section.title)}**", "", *lines, "", _escape(section.note), ""])


def _text(cell: Cell, section: Section) -> str:
    """Write a number and, where there are any, its interval, its tests and n; a column stays aligned."""
    tests = p_words(cell)
    width = 15 if cell.within is not None else 8
    seeds = f" {words}" if (words := seed_words(cell, section)) else ""
    return interval_words(cell, " ±", unit=section.unit) + (f" {tests}".rjust(width) if tests else "") + seeds


def _escape(text: str) -> str:
    r"""Keep names from being read as markup.

    >>> print(_escape("a|b*c"))
    a\|b\*c
    """
    for mark in "|*`<":
        text = text.replace(mark, "\\" + mark)
    return visible(text, keep="\n")
