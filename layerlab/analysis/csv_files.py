"""Frames as CSV in which no name is a formula: spreadsheets compute cells that begin with a sign of one."""

from __future__ import annotations

import re
from os import PathLike

import pandas as pd

# Where a spreadsheet takes text for a formula; the mark before it says that it is text.
_FORMULA = re.compile(r"'*[=+\-@\t]")
_MARK = "'"


def to_csv(frame: pd.DataFrame) -> str:
    """Write a frame as CSV, numbers in full precision; equal frames give equal texts.

    Text that a spreadsheet would take for a formula gets an apostrophe before it, which ``read_csv`` takes
    off again. Numbers stay numbers, also those in columns of text. A carriage return, at which readers begin
    a new row, is written out.

    >>> print(to_csv(pd.DataFrame({"ablation": ["=1+1", "none", "-3"], "effect": [-0.5, 0.125, 0]})), end="")
    ablation,effect
    '=1+1,-0.5
    none,0.125
    -3,0.0
    """
    guarded = {
        str(name): pd.Series(list(map(_guard, column)), index=column.index, dtype=column.dtype)
        for name, column in frame.items()
        if column.dtype == object or pd.api.types.is_string_dtype(column.dtype)
    }
    return frame.assign(**guarded).to_csv(index=False, lineterminator="\n")


def read_csv(path: str | PathLike[str]) -> pd.DataFrame:
    """Read text as text: "nan" is a language, "3" a selection of layers; only the empty cell is missing.

    Raises:
        ValueError: The file is no CSV.
    """
    frame: pd.DataFrame = pd.read_csv(path, dtype=str, keep_default_na=False)
    return frame.assign(**{str(name): column.map(_bare) for name, column in frame.items()})


def _guard(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    cell = cell.replace("\r", "\\r")
    return f"{_MARK}{cell}" if _FORMULA.match(cell) and not _is_number(cell) else cell


def _bare(cell: str) -> str:
    return cell[1:] if cell.startswith(_MARK) and _FORMULA.match(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
