"""A table as a value. All its numbers are in one unit, as a rule points (fractions x 100)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from layerlab.report.style.units import IN_POINTS, Unit


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        value: In the unit of the section; NaN where nothing was measured.
        half: Half the width of the interval, None for one seed or where it is not shown.
        drop: The drop that shades the cell, None for no shade.
        q: The q value of a test against 0, None for no test or where it is not shown.
        ends: Both ends of an interval, for one that need not be symmetric; then ``half`` is None.
        within: The p value of a test that the effect is smaller than a margin, None as for ``q``.
        n: Seeds behind the number, None where that is not known.
    """

    value: float
    half: float | None = None
    drop: float | None = None
    q: float | None = None
    ends: tuple[float, float] | None = None
    within: float | None = None
    n: int | None = None


@dataclass(frozen=True)
class Row:
    """A row: its names, its numbers, and whether a rule sets it apart from the row above."""

    names: tuple[str, ...]
    cells: tuple[Cell, ...]
    ruled: bool = False


@dataclass(frozen=True)
class Section:
    """One table with its own columns.

    Attributes:
        title: What all its numbers share.
        names: Headers of the columns of names.
        columns: Headers of the columns of numbers.
        rows: Its rows.
        note: Some plain sentences: what was tested.
        label: For references to it, such as ``my-study``; empty for none.
        layers: Where it has selections of layers as names: in its ``rows`` or its ``columns``, or nowhere.
        unit: Of its numbers.
    """

    title: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str
    label: str = ""
    layers: Literal["rows", "columns", ""] = ""
    unit: Unit = IN_POINTS

    @property
    def largest(self) -> float:
        """The largest difference, which gets the strongest shade."""
        drops = (cell.drop for row in self.rows for cell in row.cells)
        return max((abs(drop) for drop in drops if drop is not None), default=0)

    @property
    def counted(self) -> bool:
        """Whether cells rest on different numbers of seeds, so that each has to say on how many."""
        return len({cell.n for row in self.rows for cell in row.cells} - {None}) > 1


@dataclass(frozen=True)
class Table:
    """Sections below one another; windows of different models or sweeps never share a column."""

    sections: tuple[Section, ...]


def transposed(columns: Sequence[str], rows: Sequence[Row]) -> tuple[Row, ...]:
    """Transpose a table: a row for each of its columns, the first one set apart.

    >>> row = transposed(["REF", "0-1"], [Row(("de",), (Cell(90.0), Cell(-3.0)))])[1]
    >>> row.names, row.cells[0].value, row.ruled
    (('0-1',), -3.0, True)
    """
    return tuple(
        Row((name,), tuple(row.cells[index] for row in rows), ruled=index == 1)
        for index, name in enumerate(columns)
    )
