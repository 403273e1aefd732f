"""Names that a plan gives its nodes, without repetition: a value that many share stands there once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Columns = Mapping[str, Mapping[str, Any]]  # by node, then by column
_KEYS = {"names", "values", "nodes"}


def pack_columns(columns: Columns) -> dict[str, Any]:
    """Return columns of nodes as names, the values of each, and for each node which of them it has.

    >>> packed = pack_columns({"a": {"task": "ner", "seed": 0}, "b": {"seed": 7}})
    >>> packed["names"], packed["values"], packed["nodes"]
    (['task', 'seed'], [['ner'], [0, 7]], {'a': '0 0', 'b': '- 1'})
    >>> unpack_columns(packed)
    {'a': {'task': 'ner', 'seed': 0}, 'b': {'seed': 7}}
    """
    names = list(dict.fromkeys(name for cells in columns.values() for name in cells))
    known: list[dict[Any, int]] = [{} for _ in names]
    values: list[list[Any]] = [[] for _ in names]
    nodes = {}
    for node_id, cells in columns.items():
        places = ["-"] * len(names)
        for number, name in enumerate(names):
            if name in cells:
                place = known[number].setdefault(_distinct(cells[name]), len(values[number]))
                if place == len(values[number]):
                    values[number].append(cells[name])
                places[number] = str(place)
        nodes[node_id] = " ".join(places)
    return {"names": names, "values": values, "nodes": nodes}


def unpack_columns(packed: Any) -> Any:
    """Return columns by node; those of older versions, which are not packed, are returned as they are.

    Raises:
        ValueError: What is packed is damaged.
    """
    if not isinstance(packed, dict) or packed.keys() != _KEYS:
        return packed
    try:
        names, values = packed["names"], packed["values"]
        return {node_id: _unpack(names, values, text) for node_id, text in packed["nodes"].items()}
    except (TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"columns cannot be unpacked ({error!r})") from error


def _unpack(names: Sequence[str], values: Sequence[Sequence[Any]], text: str) -> dict[str, Any]:
    cells = zip(names, values, text.split(" "), strict=True)
    return {name: known[int(place)] for name, known, place in cells if place != "-"}


def _distinct(value: Any) -> tuple[type, Any]:
    """Return a key of a plain value that tells 1 from True and 1.0."""
    flat = value is None or isinstance(value, str | int | float)
    return type(value), value if flat else json.dumps(value, sort_keys=True)
