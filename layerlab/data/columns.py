"""The columns of tables: what files and data sets call the parts of a sentence or pair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from layerlab.errors import DataError


def find_columns(
    there: Sequence[str], names: Mapping[str, Sequence[str]], needed: Iterable[str], where: str
) -> dict[str, str]:
    """Return the column of each part that has one.

    Args:
        there: Names of the columns.
        names: What the column of a part may be called; the first that exists is taken.
        needed: Parts that must have a column.
        where: For the message.

    Raises:
        DataError: A needed part has no column; says which there are.

    >>> find_columns(("id", "sentence1"), {"first": ("premise", "sentence1"), "label": ("label",)}, (), "")
    {'first': 'sentence1'}
    """
    firsts = {
        part: next((name for name in of_part if name in there), None) for part, of_part in names.items()
    }
    for part in needed:
        if firsts[part] is None:
            raise DataError(
                f"{where}: no column for {part}: expected one of {', '.join(names[part])}; "
                f"it has {', '.join(column[:40] for column in there)}"
            )
    return {part: name for part, name in firsts.items() if name is not None}
