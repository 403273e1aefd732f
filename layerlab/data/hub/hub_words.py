"""Sentences of words with their annotations from the Hub, such as Universal Dependencies and WikiANN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from layerlab.data.checks import check_text, check_words
from layerlab.data.columns import find_columns
from layerlab.data.entities import read_tags
from layerlab.data.formats.conllu import UPOS
from layerlab.data.hub.hub_source import HubSource, load_split
from layerlab.data.sentences import Sentence
from layerlab.data.tags import TagOptions
from layerlab.errors import DataError, unknown

# What a format's annotation is called in data sets: the first column that exists is taken.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "words": ("tokens", "words", "form"),
    "upos": ("upos", "upos_tags", "pos_tags"),
    "entities": ("ner_tags", "ner", "entities"),
    "heads": ("head", "heads"),
    "relations": ("deprel", "relations"),
    "sent_id": ("sent_id", "idx", "id"),
}

# What each format must bring, and what it may.
FORMATS: Mapping[str, tuple[str, ...]] = {"conllu": ("upos",), "iob2": ("entities",)}

_TREE = ("words", "upos", "heads", "relations")

# How data sets write that a token has no head, relation or tag: multiword tokens, empty nodes.
_NOTHING = ("_", "None", "", None, -1, "-1")


@dataclass(frozen=True)
class _Row:
    """The columns of a sentence, each with a value for a token, or without any."""

    words: list[Any]
    upos: list[Any]
    entities: list[Any]
    heads: list[Any]
    relations: list[Any]
    sent_id: str
    place: str


def load_hub(
    source: HubSource, formats: Sequence[str], options: TagOptions
) -> tuple[tuple[Sentence, ...], tuple[str, ...]]:
    """Read one split of a data set into sentences.

    Labels may be strings or class labels. Multiword tokens (``_`` as UPOS and no head) and empty nodes
    (neither head nor relation, beside words that have them) are left out, as in files.

    Args:
        source: Where it is.
        formats: ``conllu`` asks for UPOS tags and takes the tree where there is one; ``iob2`` for entities.
        options: How entity tags are read.

    Returns:
        The sentences, and notes on how they were read.

    Raises:
        DataError: The data set, its configuration, split or a column is not there, or a word or tag is
            missing or unknown.
    """
    data_set = load_split(source)
    kind = next((name for name in formats if name in FORMATS), None)
    if kind is None:
        raise DataError(f"{source}: {unknown('format for the Hub', ', '.join(formats), FORMATS)}")
    columns = find_columns(data_set.column_names, COLUMNS, ("words", *FORMATS[kind]), str(source))
    wanted = {"words", "sent_id", *FORMATS[kind]}
    if kind == "conllu" and {"heads", "relations"} <= set(columns):
        wanted |= {"heads", "relations"}
    rows = _rows(source, data_set, {field: name for field, name in columns.items() if field in wanted})
    if kind == "conllu":
        rows = [row for row in map(_leave_out, rows) if row.words]
    if not rows:
        raise DataError(f"{source}: no sentence in the data set")
    check_words([row.words for row in rows], lambda row, _: f"{source}{rows[row].place}")
    if kind == "conllu":
        return tuple(_build_tree(source, row) for row in rows), ()
    return _build_entities(source, rows, options)


def _rows(source: HubSource, data_set: Any, columns: dict[str, str]) -> list[_Row]:
    """Return the rows that have words; checks that each column has one value a word."""
    names = [str(value) for value in data_set[columns.pop("sent_id")][:]] if "sent_id" in columns else None
    values = {field: _column(source, data_set, name) for field, name in columns.items()}
    for field in {"upos", "entities"} & set(values):
        if any(type(tag) is int for row in values[field] if isinstance(row, list) for tag in row):
            raise DataError(
                f"{source}: column {columns[field]} holds numbers without names; expected class labels or "
                "strings"
            )
    rows = []
    for number, words in enumerate(values["words"]):
        here = {field: column[number] for field, column in values.items()}
        _check_row(f"{source}, row {number}", here, columns)
        if words:
            given = {field: here.get(field) or [] for field in COLUMNS if field != "sent_id"}
            rows.append(_Row(**given, sent_id=names[number] if names else "", place=f", row {number}"))
    return rows


def _check_row(where: str, row: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    words = row["words"]
    for field, values in row.items():
        if values is None and field in ("heads", "relations"):  # a sentence without a tree
            continue
        if not isinstance(values, list):
            got = "None" if values is None else f"{type(values).__name__} {str(values)[:40]!r}"
            raise DataError(f"{where}: {columns[field]} holds {got}; expected a list with one value a word")
        if len(values) != len(words) and (values or field in ("upos", "entities")):
            raise DataError(f"{where}: {len(values)} values in {columns[field]} for {len(words)} words")


def _column(source: HubSource, data_set: Any, name: str) -> list[Any]:
    """Return a column of sequences, class labels by their names; -1, which hides a label, is None."""
    feature = data_set.features[name]
    names = getattr(getattr(feature, "feature", feature), "names", None)
    values: list[Any] = data_set[name][:]
    if names is None:
        return values

    def named(row: int, value: int | None) -> str:
        if value is None or not 0 <= value < len(names):
            raise DataError(
                f"{source}, row {row}: no label ({value}) in {name}; expected a split with labels, 0 to "
                f"{len(names) - 1} ({', '.join(names[:20])})"
            )
        return str(names[value])

    return [row and [named(number, value) for value in row] for number, row in enumerate(values)]


def _leave_out(row: _Row) -> _Row:
    """Leave out multiword tokens and empty nodes."""
    heads, relations = row.heads or [None] * len(row.words), row.relations or [None] * len(row.words)
    has_tree = any(head not in _NOTHING for head in heads)
    keep = [
        at
        for at, tag in enumerate(row.upos)
        if heads[at] not in _NOTHING
        or not (tag in _NOTHING[:2] or (has_tree and (tag is None or relations[at] in _NOTHING)))
    ]
    given = ((field, getattr(row, field)) for field in _TREE)
    kept: dict[str, Any] = {field: [values[at] for at in keep] for field, values in given if values}
    return replace(row, **kept)


def _build_tree(source: HubSource, row: _Row) -> Sentence:
    where = f"{source}{row.place}"
    for tag in row.upos:
        if check_text(tag, "tag", where) not in UPOS:
            raise DataError(f"{where}: {unknown('UPOS tag', tag, UPOS)}")
    heads = tuple(int(head) for head in row.heads if str(head).isdecimal())
    has_tree = len(heads) == len(row.words) == len(row.relations) and None not in row.relations
    return Sentence(
        words=tuple(row.words),
        upos=tuple(row.upos),
        heads=heads if has_tree else (),
        relations=tuple(row.relations) if has_tree else (),
        sent_id=row.sent_id,
        place=row.place,
    )


def _build_entities(
    source: HubSource, rows: Sequence[_Row], options: TagOptions
) -> tuple[tuple[Sentence, ...], tuple[str, ...]]:
    tags = [row.entities for row in rows]
    read, notes = read_tags(tags, options, lambda row, _: f"{source}{rows[row].place}")
    sentences = (
        Sentence(tuple(row.words), entities=entities, sent_id=row.sent_id, place=row.place)
        for row, entities in zip(rows, read, strict=True)
    )
    return tuple(sentences), notes
