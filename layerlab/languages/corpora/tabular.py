"""Tables of controlled languages as TSV: parallel sentences, inference pairs and dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, permutations
from pathlib import Path

from layerlab.disk import writing
from layerlab.languages.corpora.dictionary import bilingual_dictionary, word_table
from layerlab.languages.corpora.formats import to_tsv
from layerlab.languages.corpora.generate import generate_said
from layerlab.languages.corpora.nli import generate_pairs
from layerlab.languages.family import known_languages
from layerlab.languages.language import Family
from layerlab.languages.speech.tokens import part_of_speech


def write_parallel(
    folder: str | Path,
    languages: Sequence[str] = (),
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    *,
    family: Family | None = None,
) -> tuple[Path, ...]:
    """Write ``parallel/{split}-sentences.tsv``: a column for each language, a line for each sentence.

    With the seed of ``write_corpora`` they are the sentences of its splits, in their order.

    Raises:
        DataError: An unknown language.
    """
    chosen = tuple(languages) or known_languages(family)
    root = Path(folder) / "parallel"
    return tuple(
        write_lines(
            root / f"{split}-sentences.tsv",
            to_tsv(chosen, _translations(chosen, size, f"{seed}-{split}", family)),
        )
        for split, size in (sizes or {}).items()
    )


def write_nli(
    folder: str | Path,
    languages: Sequence[str] = (),
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    *,
    family: Family | None = None,
) -> tuple[Path, ...]:
    """Write ``{lang}/{split}.tsv`` with the columns premise, hypothesis, label, pair_id and premise_kind.

    All splits are parallel over languages: equal ``pair_id``, equal meaning, equal label.

    Raises:
        DataError: An unknown language.
    """
    columns = ("premise", "hypothesis", "label", "pair_id", "premise_kind")
    return tuple(
        write_lines(
            Path(folder) / language / f"{split}.tsv",
            to_tsv(columns, _pairs(language, size, f"{seed}-{split}", family)),
        )
        for language in tuple(languages) or known_languages(family)
        for split, size in (sizes or {}).items()
    )


def write_dictionaries(
    folder: str | Path, languages: Sequence[str] = (), *, family: Family | None = None
) -> tuple[Path, ...]:
    """Write ``dictionaries/{source}-{target}.tsv`` for every two languages, and a table of all concepts.

    The former have the columns source, target and pos and no header, as evaluation sets for word translation
    have; in the latter, ``dictionaries/concepts.tsv``, a language without a word for a concept has ``_``.

    Raises:
        DataError: An unknown language.
    """
    chosen = tuple(languages) or known_languages(family)
    root = Path(folder) / "dictionaries"
    words = {language: word_table(language, family=family) for language in chosen}
    concepts = dict.fromkeys(chain.from_iterable(words.values()))
    table = (
        (concept, part_of_speech(concept), *(words[language].get(concept, "_") for language in chosen))
        for concept in concepts
    )
    written = [write_lines(root / "concepts.tsv", to_tsv(("concept", "pos", *chosen), table))]
    for source, target in permutations(chosen, 2):
        entries = bilingual_dictionary(source, target, family=family)
        lines = (f"{entry.source}\t{entry.target}\t{entry.pos}\n" for entry in entries)
        written.append(write_lines(root / f"{source}-{target}.tsv", lines))
    return tuple(written)


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    """Write lines, with the same bytes on every system, and make the folder if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path), path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
    return path


def _translations(
    languages: Sequence[str], size: int, seed: str, family: Family | None
) -> Iterator[Sequence[str]]:
    said = [chain.from_iterable(generate_said(language, seed, family=family)) for language in languages]
    return ([one.text for one in row] for row in islice(zip(*said, strict=True), size))


def _pairs(language: str, size: int, seed: str, family: Family | None) -> Iterator[Sequence[str]]:
    for pair in generate_pairs(language, size, seed, family=family):
        yield pair.premise.text, pair.hypothesis.text, pair.label, pair.pair_id, pair.premise_kind
