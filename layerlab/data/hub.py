"""Corpora of the Hugging Face Hub, or in its formats on disk, through ``datasets``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layerlab.data.conllu import UPOS
from layerlab.data.iob import begin_strays, map_tag, too_many_strays
from layerlab.data.sentences import Sentence
from layerlab.errors import DataError, unknown

# The Hub's names of a split, the usual one first.
SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("train",),
    "dev": ("validation", "dev", "valid"),
    "test": ("test",),
}

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

_NO_HEAD = {"_", "None", "", None}


@dataclass(frozen=True)
class HubSource:
    """Where a split is on the Hub.

    Attributes:
        hub_id: Id of the data set, or a folder: one that ``save_to_disk`` wrote, or one of parquet files;
            a folder may hold a folder for each configuration.
        config: Configuration, such as ``en_ewt``.
        split: ``train``, ``dev`` or ``test``.
        revision: Branch, tag or commit; None is the newest.
    """

    hub_id: str
    config: str
    split: str
    revision: str | None = None

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"{self.hub_id}{revision}/{self.config}[{self.split}]"


def load_hub(
    source: HubSource,
    formats: Sequence[str],
    tag_map: Mapping[str, str] | None = None,
    stray_tags: str = "rare",
) -> tuple[Sentence, ...]:
    """Read one split of a data set into sentences.

    Labels may be strings or class labels; multiword tokens (``_`` as UPOS and no head) are left out.

    Args:
        source: Where it is.
        formats: ``conllu`` asks for UPOS tags and takes the tree where there is one; ``iob2`` for entities.
        tag_map: As for :func:`layerlab.data.iob.read_iob`.
        stray_tags: Likewise.

    Raises:
        DataError: The data set, its configuration, split or a column is not there, or a tag is unknown.
    """
    rows = load_split(source)
    kind = next((name for name in formats if name in FORMATS), None)
    if kind is None:
        raise DataError(f"{source}: {unknown('format for the Hub', ', '.join(formats), FORMATS)}")
    columns = {field: _find(names, rows.column_names) for field, names in COLUMNS.items()}
    for needed in ("words", *FORMATS[kind]):
        if columns[needed] is None:
            raise DataError(
                f"{source}: no column for {needed}: expected one of {', '.join(COLUMNS[needed])}; "
                f"it has {', '.join(rows.column_names)}"
            )
    if kind == "conllu":
        sentences = _read_trees(source, rows, columns)
    else:
        sentences = _read_entities(source, rows, columns, tag_map or {})
        if stray_tags == "begin":
            sentences = [begin_strays(sentence) for sentence in sentences]
        elif problem := too_many_strays(sentences):
            raise DataError(f"{source}: {problem}")
    if not sentences:
        raise DataError(f"{source}: no sentence in the data set")
    return tuple(sentences)


def load_split(source: HubSource) -> Any:
    """Return the ``datasets.Dataset`` of a split.

    Raises:
        DataError: The data set, its configuration or split is not there.
    """
    loaded = load_data_set(source.hub_id, source.config, source.revision, what=str(source))
    if not hasattr(loaded, "keys"):
        return loaded if source.split == "train" else _refuse_split(source, ["train"])
    name = _find(SPLITS[source.split], list(loaded.keys()))
    return loaded[name] if name is not None else _refuse_split(source, list(loaded.keys()))


def load_data_set(hub_id: str, config: str | None, revision: str | None, *, what: str) -> Any:
    """Return a data set of the Hub, or one saved in a folder, with all its splits.

    Args:
        hub_id: Its id, or a folder; a configuration may be a folder in it.
        config: Its configuration.
        revision: Branch, tag or commit; None for the newest.
        what: What it is called in errors.

    Raises:
        DataError: It cannot be loaded.
    """
    import datasets

    folder = Path(hub_id)
    if config and (folder / config).is_dir():
        folder = folder / config
    try:
        if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
            return datasets.load_from_disk(str(folder))
        if folder.is_dir():
            return datasets.load_dataset(str(folder))
        return datasets.load_dataset(hub_id, config, revision=revision)
    except Exception as error:  # the Hub's client raises many kinds, each with a long text
        known = _configurations(hub_id, revision) if config else []
        if known and config not in known:
            alike = [name for name in known if name.partition("_")[0] == str(config).partition("_")[0]]
            raise DataError(f"{what}: {unknown('configuration', str(config), alike or known)}") from error
        first_line = str(error).strip().partition("\n")[0]
        raise DataError(f"{what}: cannot be loaded: {type(error).__name__}: {first_line}") from error


def _configurations(hub_id: str, revision: str | None) -> list[str]:
    """Return the configurations of a data set; nothing where they cannot be told."""
    import datasets

    if Path(hub_id).is_dir():
        return []
    try:
        return sorted(datasets.get_dataset_config_names(hub_id, revision=revision))
    except Exception:  # no network, or no such data set: the first error tells more
        return []


def _refuse_split(source: HubSource, there: Sequence[str]) -> Any:
    raise DataError(
        f"{source}: no {source.split} split: expected {' or '.join(SPLITS[source.split])}; "
        f"it has {', '.join(there)}"
    )


def _find(names: Sequence[str], there: Sequence[str]) -> str | None:
    return next((name for name in names if name in there), None)


def _labels(source: HubSource, rows: Any, column: str) -> list[list[str]]:
    """Return a column of label sequences as strings."""
    feature = rows.features[column]
    names = getattr(getattr(feature, "feature", feature), "names", None)
    values = rows[column][:]
    if names is not None:
        return [[names[value] for value in row] for row in values]
    first = next((value for row in values for value in row), "")
    if not isinstance(first, str):
        raise DataError(
            f"{source}: column {column} holds numbers without names; expected class labels or strings"
        )
    return [list(row) for row in values]


def _ids(rows: Any, column: str | None) -> list[str]:
    return [str(value) for value in rows[column][:]] if column is not None else [""] * len(rows)


def _read_trees(source: HubSource, rows: Any, columns: Mapping[str, str | None]) -> list[Sentence]:
    words = rows[columns["words"]][:]
    upos = _labels(source, rows, columns["upos"] or "")
    trees = columns["heads"] is not None and columns["relations"] is not None
    heads = rows[columns["heads"]][:] if trees else [[]] * len(words)
    relations = rows[columns["relations"]][:] if trees else [[]] * len(words)
    sentences = []
    for row, sent_id in enumerate(_ids(rows, columns["sent_id"])):
        keep = [
            i
            for i, tag in enumerate(upos[row])
            if not (tag == "_" and (not heads[row] or heads[row][i] in _NO_HEAD))
        ]
        tags = tuple(upos[row][i] for i in keep)
        for tag in tags:
            if tag not in UPOS:
                raise DataError(f"{source}, row {row}: {unknown('UPOS tag', tag, UPOS)}")
        has_tree = bool(heads[row]) and all(str(heads[row][i]).isdecimal() for i in keep)
        sentence = Sentence(
            words=tuple(words[row][i] for i in keep),
            upos=tags,
            heads=tuple(int(heads[row][i]) for i in keep) if has_tree else (),
            relations=tuple(relations[row][i] for i in keep) if has_tree else (),
            sent_id=sent_id,
        )
        if sentence.words:
            sentences.append(sentence)
    return sentences


def _read_entities(
    source: HubSource, rows: Any, columns: Mapping[str, str | None], tag_map: Mapping[str, str]
) -> list[Sentence]:
    words = rows[columns["words"]][:]
    tags = _labels(source, rows, columns["entities"] or "")
    return [
        Sentence(
            words=tuple(words[row]),
            entities=tuple(map_tag(tag, tag_map, f"{source}, row {row}") for tag in tags[row]),
            sent_id=sent_id,
        )
        for row, sent_id in enumerate(_ids(rows, columns["sent_id"]))
        if words[row]
    ]
