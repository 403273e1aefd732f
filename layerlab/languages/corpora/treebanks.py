"""Writing controlled languages as corpora that any tool reads: CoNLL-U, IOB2 and plain text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

from layerlab.data.sentences import Sentence
from layerlab.errors import DataError, unknown
from layerlab.languages.corpora.formats import to_conllu, to_iob2, to_text
from layerlab.languages.corpora.generate import find_world, generate_said
from layerlab.languages.corpora.tabular import write_lines
from layerlab.languages.family import default_family, find_language, known_languages
from layerlab.languages.language import Family
from layerlab.languages.scripts import ScriptName
from layerlab.languages.speech.realisation import Said
from layerlab.languages.world.registers import Domain, find_domain
from layerlab.languages.world.scenes import open_frame
from layerlab.targets import SEPARATOR

SPLITS: Final = ("train", "dev", "test")
_SIZES: Final[Mapping[str, int]] = MappingProxyType({"train": 3000, "dev": 500, "test": 1000})


def write_corpora(
    folder: str | Path,
    languages: Sequence[str] = (),
    sizes: Mapping[str, int] = _SIZES,
    text_sentences: int = 0,
    seed: int = 0,
    *,
    parallel: Collection[str] = ("dev", "test"),
    family: Family | None = None,
    domains: Sequence[str | Domain] = (),
    progress: Callable[[str], None] | None = None,
) -> tuple[Path, ...]:
    """Write ``{lang}/{split}.conllu``, ``{lang}/{split}.iob2`` and ``{lang}.txt`` (one document a line).

    Each domain adds the same as ``{lang}-{domain}/`` and ``{lang}-{domain}.txt``: to the catalogue it is one
    more language, so that a study may have ``avin-news`` as its source and ``avin-talk`` as a target.
    Text is never parallel between languages; the splits named in ``parallel`` are, with equal ``sent_id``.
    Splits and text share meanings only by chance. The same arguments give the same bytes.

    Args:
        folder: Where to write; it is created if needed.
        languages: Which languages; by default all of the family.
        sizes: Sentences in each split.
        text_sentences: Sentences of plain text in each language, rounded up to whole documents; 0: no text.
        seed: Of all meanings.
        parallel: Splits that are translations of each other.
        family: The languages; by default those that come with layerlab.
        domains: Kinds of text to write in addition; see ``layerlab.languages.world.registers``.
        progress: Called with the name of a corpus when it is written.

    Returns:
        The files, in the order of writing.

    Raises:
        DataError: An unknown language, domain or split, or a negative size; nothing is written then.
    """
    family = family or default_family()
    chosen = tuple(languages) or known_languages(family)
    kinds = tuple(find_domain(domain) if isinstance(domain, str) else domain for domain in domains)
    _check(chosen, sizes, text_sentences, parallel, family)
    for kind in kinds:
        open_frame(find_world(family), kind)
    root = Path(folder)
    written: list[Path] = []
    for language in chosen:
        for domain in (None, *kinds):
            corpus = _Corpus(family, language, domain, seed)
            name = language if domain is None else f"{language}-{domain.name}"
            for split, size in sizes.items():
                said = tuple(islice(corpus.sentences(split, parallel=split in parallel), size))
                written.append(write_lines(root / name / f"{split}.conllu", to_conllu(said, corpus.script)))
                written.append(write_lines(root / name / f"{split}.iob2", to_iob2(said, corpus.script)))
            if text_sentences:
                text = to_text(corpus.documents(f"text-{language}"), text_sentences, corpus.script)
                written.append(write_lines(root / f"{name}.txt", text))
            if progress is not None:
                progress(name)
    return tuple(written)


def read_controlled(
    language: str,
    split: str,
    size: int,
    seed: int = 0,
    *,
    parallel: Collection[str] = ("dev", "test"),
    family: Family | None = None,
) -> tuple[Sentence, ...]:
    """Return the sentences that ``write_corpora`` would write, without writing them.

    The language may have a domain, as in ``avin:news`` or ``avin-news``.

    Raises:
        DataError: An unknown language or domain.

    >>> len(read_controlled("avin-talk", "dev", 5))
    5
    """
    family = family or default_family()
    domain, (name, mark, kind) = None, language.replace(SEPARATOR, "-").rpartition("-")
    if language not in family.languages and mark and name in family.languages:
        language, domain = name, find_domain(kind)
    find_language(family, language)
    corpus = _Corpus(family, language, domain, seed)
    said = islice(corpus.sentences(split, parallel=split in parallel), size)
    return tuple(one.sentence for one in said)


@dataclass(frozen=True)
class _Corpus:
    """What a language says in a domain."""

    family: Family
    language: str
    domain: Domain | None
    seed: int

    @property
    def script(self) -> ScriptName:
        return self.family.languages[self.language].script

    def documents(self, stream: str) -> Iterator[tuple[Said, ...]]:
        return generate_said(self.language, f"{self.seed}-{stream}", family=self.family, domain=self.domain)

    def sentences(self, split: str, *, parallel: bool) -> Iterator[Said]:
        return chain.from_iterable(self.documents(split if parallel else f"{split}-{self.language}"))


def _check(
    languages: Sequence[str],
    sizes: Mapping[str, int],
    text_sentences: int,
    parallel: Collection[str],
    family: Family,
) -> None:
    for language in languages:
        find_language(family, language)
    for split in (*sizes, *parallel):
        if split not in SPLITS:
            raise DataError(unknown("split", split, SPLITS))
    for what, size in (*sizes.items(), ("text", text_sentences)):
        if size < 0:
            raise DataError(f"got {size} sentences of {what}; expected a number from 0")
