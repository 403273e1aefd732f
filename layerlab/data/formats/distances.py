"""Tables of distances between languages: a CSV file with the columns source, target, distance and value."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

from layerlab.errors import DataError
from layerlab.targets import language_of, sources_of

COLUMNS: Final = ("source", "target", "distance", "value")


@dataclass(frozen=True)
class Distances:
    """Distances between languages, of one kind or several.

    Attributes:
        where: The file, for messages.
        values: By kind, such as ``genetic``, and pair of languages.
    """

    where: str
    values: Mapping[str, Mapping[tuple[str, str], float]]

    def between(self, kind: str, source: str, target: str) -> float | None:
        """Return the distance of a target from a source; None where the table has none.

        A pair holds in both directions unless the table has both. A treebank that it does not name has the
        distance of its language; a source of several languages has the mean of theirs.
        """
        found = [self._of_pair(kind, name, target) for name in sources_of(source)]
        known = [value for value in found if value is not None]
        return fmean(known) if len(known) == len(found) else None

    def _of_pair(self, kind: str, source: str, target: str) -> float | None:
        values = self.values[kind]
        for one in dict.fromkeys((source, language_of(source))):
            for other in dict.fromkeys((target, language_of(target))):
                if (one, other) in values or (other, one) in values:
                    return values.get((one, other), values.get((other, one)))
        return None


def read_distances(path: Path) -> Distances:
    """Read a table of distances.

    Raises:
        DataError: The file is not there, a column is missing, a value is no number of at least 0, or a pair
            stands there twice; names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the table of distances {path}: {error}") from error
    reader = csv.DictReader(text.splitlines())
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError(
            f"{path}: the table of distances lacks the columns {', '.join(missing)}; expected "
            f"{','.join(COLUMNS)}, as in en,de,genetic,0.33"
        )
    values: dict[str, dict[tuple[str, str], float]] = {}
    for where, row in _rows(path, reader):
        kind, pair = row["distance"], (row["source"], row["target"])
        if pair in values.setdefault(kind, {}):
            raise DataError(f"{where}: {kind} of {pair[0]} and {pair[1]} stands there twice; expected once")
        values[kind][pair] = _number(where, row["value"])
    if not values:
        raise DataError(f"{path}: the table of distances has no rows")
    return Distances(str(path), values)


def _rows(path: Path, reader: csv.DictReader[str]) -> Iterator[tuple[str, dict[str, str]]]:
    for row in reader:
        where = f"{path}:{reader.line_num}"
        cells = {name: (row[name] or "").strip() for name in COLUMNS}
        empty = [name for name, cell in cells.items() if not cell]
        if empty:
            raise DataError(f"{where}: {', '.join(empty)} is empty; expected {','.join(COLUMNS)}")
        yield where, cells


def _number(where: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"{where}: the value {text!r} is no number") from None
    if not math.isfinite(value) or value < 0:
        raise DataError(f"{where}: the value {text} is no distance; expected a number of at least 0")
    return value
