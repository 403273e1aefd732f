"""Tables made from records or effects, and their ways onto paper: Markdown, LaTeX, CSV."""

from __future__ import annotations

import pandas as pd

from layerlab.report.tables.domains import domain_table
from layerlab.report.tables.latex import to_latex
from layerlab.report.tables.layout import Cell, Row, Section, Table, drop_table, paper_table
from layerlab.report.tables.markdown import to_markdown

__all__ = [
    "Cell",
    "Row",
    "Section",
    "Table",
    "domain_table",
    "drop_table",
    "paper_table",
    "to_csv",
    "to_latex",
    "to_markdown",
]


def to_csv(effect: pd.DataFrame) -> str:
    """Write effects as CSV: the tidy frame as it is, in fractions and full precision.

    >>> print(to_csv(pd.DataFrame({"layers": ["0-1"], "effect": [0.125]})))
    layers,effect
    0-1,0.125
    <BLANKLINE>
    """
    return effect.to_csv(index=False, lineterminator="\n")
