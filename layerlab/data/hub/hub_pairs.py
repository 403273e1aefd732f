"""Pairs of sentences from the Hub, such as XNLI and PAWS-X."""

from __future__ import annotations

from collections.abc import Mapping

from layerlab.data.columns import find_columns
from layerlab.data.formats.pair_files import COLUMNS, NEEDED, build_pairs
from layerlab.data.hub.hub_source import HubSource, load_split
from layerlab.data.pairs import Pair
from layerlab.data.tags import NO_MAP
from layerlab.errors import DataError


def load_hub_pairs(source: HubSource, tag_map: Mapping[str, str] = NO_MAP) -> tuple[Pair, ...]:
    """Read one split of a data set into pairs; labels may be strings, class labels or whole numbers.

    ``tag_map`` replaces labels by the names that the data set gives them.

    Raises:
        DataError: The data set, its configuration, split or a column is not there, a sentence is no text, or
            a pair has no label.
    """
    rows = load_split(source)
    columns = find_columns(rows.column_names, COLUMNS, NEEDED, str(source))
    names = getattr(rows.features[columns["label"]], "names", None)
    values = [rows[name][:] for name in columns.values()]
    named = []
    for number, row in enumerate(zip(*values, strict=True)):
        here = dict(zip(columns.values(), row, strict=True))
        label = here[columns["label"]]
        if names is not None or isinstance(label, int):
            # -1 is the Hub's way to hide the labels of a test split.
            if label is None or not 0 <= int(label) < (len(names) if names is not None else label + 1):
                raise DataError(f"{source}, row {number}: no label ({label}); expected a split with labels")
            here[columns["label"]] = names[label] if names is not None else label
        named.append((f"{source}, row {number}", here))
    if not named:
        raise DataError(f"{source}: no pair in the data set")
    return build_pairs(named, columns, tag_map)
