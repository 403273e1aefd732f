"""Frames in files: Parquet, or CSV in which no name is a formula for spreadsheets to compute."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path

import pandas as pd

from layerlab.errors import RecordsError, unknown
from layerlab.files import replacing, write_text

SUFFIXES = (".csv", ".parquet")
# Where a spreadsheet takes text for a formula; the mark before it says that it is text.
_FORMULA = re.compile(r"'*[=+\-@\t]")
_MARK = "'"


def read_frame(path: Path, what: str) -> pd.DataFrame:
    """Read a frame of something, called so in messages, by the suffix.

    Raises:
        RecordsError: Another suffix than those of ``SUFFIXES``, or the file is not what its suffix says.
    """
    if path.suffix not in SUFFIXES:
        raise RecordsError(f"{path} is no file of {what}: {unknown('suffix', path.suffix, SUFFIXES)}")
    try:
        return read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except (ValueError, pd.errors.ParserError) as error:
        raise RecordsError(f"cannot read {path}: {error}") from error


def write_frame(frame: pd.DataFrame, path: Path, what: str) -> Path:
    """Write a frame of something, called so in messages, by the suffix; equal frames give equal files.

    Raises:
        RecordsError: Another suffix.
    """
    if path.suffix not in SUFFIXES:
        raise RecordsError(f"cannot write {what} to {path}: expected the suffix .csv or .parquet")
    if path.suffix == ".csv":
        write_text(path, to_csv(frame))
    else:
        with replacing(path) as beside:
            frame.to_parquet(beside, index=False)
    return path


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
