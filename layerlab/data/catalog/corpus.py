"""The catalogue: which corpus a study means by a task, a language and a split."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layerlab.data.artificial.corpora import artificial_item
from layerlab.data.artificial.ways import WAYS_VERSION
from layerlab.data.catalog.defaults import default_corpora, find_default
from layerlab.data.catalog.intake import Items, Notes, check_items, find_prefix, prefix_of, strip_prefix
from layerlab.data.catalog.registry import register_corpus, registered, registered_languages, speak
from layerlab.data.corpus_folders import SPLIT_NAMES, find_file, has_language
from layerlab.data.entities import keep_with_entities
from layerlab.data.formats.conllu import read_conllu
from layerlab.data.formats.iob import read_iob
from layerlab.data.formats.pair_files import read_pairs
from layerlab.data.hub.hub_pairs import load_hub_pairs
from layerlab.data.hub.hub_source import HubSource
from layerlab.data.hub.hub_words import load_hub
from layerlab.data.pairs import PAIR_FORMATS, Pair, digest_pairs
from layerlab.data.sentences import Corpus, digest_sentences, take_evenly
from layerlab.data.spec import Artificial, Controlled, DataSpec, Split
from layerlab.data.survey import survey
from layerlab.data.tags import StrayTags, TagOptions
from layerlab.errors import DataError, LayerlabError, unknown
from layerlab.files import digest_file
from layerlab.targets import treebank_config

__all__ = ["CorpusRef", "DataSpec", "Split", "find_corpus", "load_corpus", "register_corpus"]

# Raised when the readers give other sentences for the same file, so that old results are not reused.
READER_VERSION = 1


@dataclass(frozen=True)
class CorpusRef:
    """A corpus that was found but not read, unless it is on the Hub, controlled or a registered function.

    Attributes:
        task: Name of the task it is for.
        language: As the study calls it.
        split: ``train``, ``dev`` or ``test``.
        digest: Stands for the content and for how it is read; 16 hexadecimal digits.
        where: File or data set, for messages.
        formats: Formats that the task takes.
        path: File, if it is one.
        hub: Data set, if it is one.
        controlled: Controlled languages, if it is of them; with none of these it is a registered function.
        tag_map: Two by two a tag, or a label of pairs, and what it becomes.
        stray_tags: What becomes of an ``I-X`` that begins an entity.
        limit: At most so many sentences.
        prefix: Language code before each word of a file, which is taken off.
        with_entities: Whether sentences that name no entity are left out.
        made: How the language is made of another one, if it is artificial.
    """

    task: str
    language: str
    split: str
    digest: str
    where: str
    formats: tuple[str, ...]
    path: Path | None = None
    hub: HubSource | None = None
    controlled: Controlled | None = None
    tag_map: tuple[tuple[str, str], ...] = ()
    stray_tags: StrayTags = "rare"
    limit: int | None = None
    prefix: str = ""
    with_entities: bool = False
    made: Artificial | None = None

    @property
    def spoken(self) -> str:
        """The language that the corpus is found under: that of which an artificial one is made."""
        return self.language if self.made is None else self.made.of


def find_corpus(spec: DataSpec, task: str, formats: Sequence[str], language: str, split: str) -> CorpusRef:
    """Find a corpus and its digest.

    The study's folder goes first if it has the language, then what is registered for the task and
    language, then the study's data set or controlled languages, and if the study names none of these, the
    built-in catalogue.

    Args:
        spec: The study's data section.
        task: Name of the task.
        formats: Formats that the task takes, the preferred one first: ``conllu``, ``iob2``, or ``tsv``
            and ``jsonl`` for pairs.
        language: Language, or language and treebank as in ``en:GUM``.
        split: ``train``, ``dev`` or ``test``.

    Raises:
        DataError: There is no such language, treebank or split; says which there are.
    """
    if split not in SPLIT_NAMES:
        raise DataError(unknown("split", split, SPLIT_NAMES))
    if made := spec.artificial.get(language):
        return _made_of(find_corpus(spec, task, formats, made.of, split), language, made)
    limit = next((n for name, n in spec.limit.items() if name == split), None)
    source = _locate(spec, task, formats, language, split)
    path = source if isinstance(source, Path) else None
    hub = source if isinstance(source, HubSource) else None
    controlled = source if isinstance(source, Controlled) else None
    kind = "controlled" if controlled is not None else "registered"
    where = str(path or hub or f"{kind} corpus {task}/{language}[{split}]")
    uses_tags = path is None or path.suffix in _IOB_ENDINGS
    with_entities = uses_tags and "iob2" in formats and split in spec.with_entities
    uses_labels = path is not None and path.suffix in _PAIR_ENDINGS
    reading = (
        tuple(sorted(spec.tag_map.items())) if uses_tags or uses_labels else (),
        spec.stray_tags if uses_tags else "rare",
        limit,
    )
    ref = CorpusRef(task, language, split, "", where, tuple(formats), path, hub, controlled, *reading)
    if path is None:
        content, prefix = _digest_items(_read(ref)[0]), ""
    else:  # only a file has a digest without being read
        content, prefix = digest_file(path), "" if uses_labels else find_prefix(path)
    more = ([prefix] if prefix else []) + (["with entities"] if with_entities else [])
    identity = [READER_VERSION, content, *reading, *more]
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]
    return dataclasses.replace(ref, digest=digest, prefix=prefix, with_entities=with_entities)


def _made_of(ref: CorpusRef, language: str, made: Artificial) -> CorpusRef:
    """Return the corpus of a language that is made of another one's."""
    identity = [READER_VERSION, WAYS_VERSION, ref.digest, *made.ways, made.seed]
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]
    where = f"{ref.where}, {' and '.join(made.ways)}"
    return dataclasses.replace(ref, language=language, digest=digest, where=where, made=made)


def load_corpus(ref: CorpusRef) -> Corpus:
    """Read a corpus that was found.

    Raises:
        DataError: The corpus does not keep its format; names file and line. Or no sentence names an entity
            where only those that do are wanted.
    """
    items, notes = _read(ref)
    if ref.with_entities:
        items, note = keep_with_entities(items, ref.where)
        notes = (*notes, note)
    notes = (*notes, *survey(items, ref.where))
    chosen: tuple[Any, ...] = tuple(take_evenly(items, ref.limit))
    if ref.made is not None:
        chosen = tuple(artificial_item(one, ref.made.ways, ref.made.seed) for one in chosen)
    return Corpus(chosen, ref.digest, ref.where, notes)


def _digest_items(items: Sequence[Any]) -> str:
    return digest_pairs(items) if isinstance(items[0], Pair) else digest_sentences(items)


def _locate(
    spec: DataSpec, task: str, formats: Sequence[str], language: str, split: str
) -> Path | HubSource | Controlled | None:
    """Return the file, the data set or the controlled languages; None for a registered function."""
    found = registered(task, language)
    if spec.root is not None and (found is None or has_language(spec.root, spec.folders, language, formats)):
        return find_file(spec.root, spec.folders, language, split, formats)
    if isinstance(found, Path):
        return find_file(found.parent, {language: found.name}, language, split, formats)
    if found is not None:
        return None
    if spec.controlled is not None:
        return spec.controlled
    if spec.hub is not None:
        config = treebank_config(language)
        if config and Path(spec.hub).is_dir() and not (Path(spec.hub) / config).is_dir():
            there = [path.name for path in Path(spec.hub).iterdir() if path.is_dir()]
            raise DataError(f"{spec.hub}: {unknown('configuration', config, there)}")
        config = config or spec.hub_config.replace("{language}", language)
        return HubSource(spec.hub, config, split, spec.revision)
    default = find_default(task, language)
    if default is None:
        known = {*default_corpora(task), *registered_languages(task)}
        raise DataError(
            f"no corpus for task {task}: {unknown('language', language, known)}. "
            "Give data.root (local folders), data.hub or data.controlled, or register_corpus"
        )
    hub_id, config, revision = default
    return HubSource(hub_id, config, split, revision)


_IOB_ENDINGS = frozenset({".iob2", ".iob", ".bio"})
_PAIR_ENDINGS = frozenset(f".{ending}" for ending in PAIR_FORMATS)


def _read(ref: CorpusRef) -> tuple[Items, Notes]:
    """Return sentences, or pairs, and notes on how they were read."""
    options = TagOptions(dict(ref.tag_map), ref.stray_tags)
    if ref.path is not None:
        items, notes = _read_file(ref.path, options)
        return strip_prefix(items, ref.prefix, notes)
    if ref.hub is not None and set(PAIR_FORMATS) & set(ref.formats):
        return load_hub_pairs(ref.hub, options.tag_map), ()
    if ref.hub is not None:
        items, notes = load_hub(ref.hub, ref.formats, options)
    elif ref.controlled is not None:
        items, notes = check_items(_speak(ref, ref.controlled), ref.where, options, ("iob2",))
    else:
        items, notes = check_items(_call(ref), ref.where, options, ref.formats)
    return strip_prefix(items, prefix_of(items), notes)


def _call(ref: CorpusRef) -> Items:
    """Return what a registered function gives.

    Raises:
        DataError: It has no such split, or raises something itself.
    """
    loader = registered(ref.task, ref.spoken)
    try:
        given = tuple(loader(ref.split) or ()) if callable(loader) else ()
    except LayerlabError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise DataError(f"{ref.where}: its function raised {type(error).__name__}: {error}") from error
    if not given:
        raise DataError(f"{ref.where}: it has no {ref.split} split")
    return given


def _speak(ref: CorpusRef, controlled: Controlled) -> Items:
    """Make the sentences, or the inference pairs, of a controlled language.

    Raises:
        DataError: The family has no such language, or the task takes neither trees nor entities nor pairs.
    """
    pairs = bool(set(PAIR_FORMATS) & set(ref.formats))
    if not pairs and not {"conllu", "iob2"} & set(ref.formats):
        raise DataError(
            f"{ref.where}: task {ref.task} takes {', '.join(ref.formats)}; controlled languages have conllu, "
            "iob2, tsv and jsonl"
        )
    return speak(controlled, ref.spoken, ref.split, pairs=pairs)


def _read_file(path: Path, options: TagOptions) -> tuple[Items, Notes]:
    if path.suffix == ".conllu":
        return read_conllu(path), ()
    if path.suffix in _IOB_ENDINGS:
        return read_iob(path, options)
    if path.suffix in _PAIR_ENDINGS:
        return read_pairs(path, options.tag_map), ()
    raise DataError(f"{path}: no reader for {path.suffix!r} files: expected .conllu, .iob2, .tsv or .jsonl")
