"""Writing controlled languages as corpora that any tool reads: CoNLL-U, IOB2 and plain text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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

    ``text_sentences`` is rounded up to whole documents, for each language and domain; 0 writes no text.
    ``progress`` gets the name of each corpus that is written.

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
            name = language if domain is None else f"{language}-{domain.name}"
            for split, size in sizes.items():
                said = tuple(islice(_sentences(family, language, domain, seed, split, parallel), size))
                written.append(write_lines(root / name / f"{split}.conllu", to_conllu(said)))
                written.append(write_lines(root / name / f"{split}.iob2", to_iob2(said)))
            if text_sentences:
                documents = generate_said(language, f"{seed}-text-{language}", family=family, domain=domain)
                written.append(write_lines(root / f"{name}.txt", to_text(documents, text_sentences)))
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
    said = islice(_sentences(family, language, domain, seed, split, parallel), size)
    return tuple(one.sentence for one in said)


def _sentences(
    family: Family, language: str, domain: Domain | None, seed: int, split: str, parallel: Collection[str]
) -> Iterator[Said]:
    """Yield what a language says in a split and a domain, without end."""
    stream = split if split in parallel else f"{split}-{language}"
    return chain.from_iterable(generate_said(language, f"{seed}-{stream}", family=family, domain=domain))


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
