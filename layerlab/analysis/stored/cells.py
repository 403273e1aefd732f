"""Cells of frames that come from files: text, whole numbers, numbers and truth values, read exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import pandas as pd

from layerlab.config import MOST_INTEGER
from layerlab.errors import RecordsError


def read_cells(
    frame: pd.DataFrame,
    columns: Sequence[str],
    where: str,
    *,
    text: Collection[str],
    integers: Collection[str],
    booleans: Collection[str],
) -> pd.DataFrame:
    """Return the columns of a frame with their types: text is never missing, integers and numbers may be.

    Args:
        frame: Cells as a file or a record has them.
        columns: Those to return, in order; what is none of the kinds below holds numbers.
        where: What the frame is called in messages.
        text: Columns of text.
        integers: Columns of whole numbers, ``Int64``.
        booleans: Columns of truth values.

    Raises:
        RecordsError: A cell holds something else.

    >>> frame = pd.DataFrame({"target": ["nan", ""], "seed": ["9007199254740993", None]})
    >>> read = read_cells(frame, ["seed", "target"], "it", text=["target"], integers=["seed"], booleans=[])
    >>> read["seed"].tolist(), read["target"].tolist()
    ([9007199254740993, <NA>], ['nan', ''])
    """
    typed: dict[str, Any] = {}
    kinds = ((text, "str"), (integers, "Int64"), (booleans, "bool"))
    for name in columns:
        kind: Any = next((kind for names, kind in kinds if name in names), "float64")
        if (known := _as_it_is(frame[name], kind)) is not None:
            typed[name] = known
            continue
        cells = [None if _missing(cell) else cell for cell in frame[name].tolist()]
        typed[name] = pd.array([_READERS[kind](cell, name, where) for cell in cells], dtype=kind)
    return pd.DataFrame(typed, columns=list(columns))


def _as_it_is(column: pd.Series[Any], kind: str) -> Any:
    """Return the array of a column that has its type already, so that no cell is looked at; else None."""
    if str(column.dtype) != kind or (kind == "Int64" and bool((column == -MOST_INTEGER).any())):
        return None
    return column.fillna("").array if kind == "str" else column.array


def _missing(cell: object) -> bool:
    return cell is None or cell is pd.NA or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def _text(cell: Any, column: str, where: str) -> str:
    return "" if cell is None else str(cell)


def _integer(cell: Any, column: str, where: str) -> int | None:
    if cell is None:
        return None
    try:
        value = int(str(cell))  # exact, which a seed of 64 bits is not as a float
    except ValueError:
        number = _number(cell, column, where)
        value = int(number) if math.isfinite(number) and number == int(number) else MOST_INTEGER
    if abs(value) >= MOST_INTEGER:
        raise RecordsError(f"{where}: column {column} holds {cell!r}, expected an integer")
    return value


def _boolean(cell: Any, column: str, where: str) -> bool:
    if str(cell) not in ("True", "False"):
        raise RecordsError(f"{where}: column {column} holds {cell!r}, expected True or False")
    return str(cell) == "True"


def _number(cell: Any, column: str, where: str) -> float:
    try:
        # Through Python's float, so that a CSV file gives back the bits that were written.
        return math.nan if cell is None else float(cell)
    except (TypeError, ValueError):
        raise RecordsError(f"{where}: column {column} holds {cell!r}, expected a number") from None


_READERS: Final[Mapping[str, Callable[[Any, str, str], Any]]] = MappingProxyType(
    {"str": _text, "Int64": _integer, "bool": _boolean, "float64": _number}
)
