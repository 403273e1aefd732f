"""Word translations that are given: dictionaries in MUSE's format, and those of controlled languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

from layerlab.errors import DataError
from layerlab.files import read_text
from layerlab.pretraining.factors.lexicon import Translations
from layerlab.pretraining.text.texts import ControlledText

#: From one language into another: word in lower case to translations.
Lexicon = Mapping[tuple[str, str], Translations]


def read_dictionary(path: Path) -> list[tuple[str, str]]:
    """Read pairs of words, one a line, with a tab or blanks between; further columns are left out.

    This is the format of MUSE, and that of `layerlab languages write`.

    Raises:
        DataError: There is no such file, or a line has less than two words.
    """
    pairs = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        columns = line.split("\t") if "\t" in line else line.split()
        if not line.strip():
            continue
        words = [word.strip().lower() for word in columns[:2]]
        if len(words) < 2 or not all(words):
            raise DataError(f"{path}:{number}: expected a word and its translation, got {line.strip()!r}")
        pairs.append((words[0], words[1]))
    return pairs


def given_lexicon(dictionaries: Mapping[str, Mapping[str, Path]]) -> Lexicon:
    """Read dictionaries by source and target; a direction that is not given is the other one turned round.

    Raises:
        DataError: A dictionary cannot be read, or holds no pair.
    """
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one, targets in dictionaries.items():
        for two, path in targets.items():
            found[one, two] = read_dictionary(path)
            if not found[one, two]:
                raise DataError(f"{path}: no pair of words")
    for (one, two), pairs in list(found.items()):
        found.setdefault((two, one), [(there, here) for here, there in pairs])
    return {languages: _weighted(pairs) for languages, pairs in found.items()}


def controlled_lexicon(corpora: Mapping[str, Sequence[Any]]) -> Lexicon:
    """Return the dictionaries of the controlled languages among the corpora; words in their dictionary form.

    Raises:
        DataError: There are not two controlled languages of one family.
    """
    from layerlab.languages.corpora.dictionary import bilingual_dictionary
    from layerlab.languages.family import find_family

    texts = {
        language: text
        for language, several in corpora.items()
        for text in several
        if isinstance(text, ControlledText)
    }
    families = {text.family for text in texts.values()}
    if len(texts) < 2 or len(families) > 1:
        raise DataError(
            "anchors: dictionaries: controlled are those of controlled languages of one family; expected at "
            f"least two among the corpora, got {', '.join(map(str, texts.values())) or 'none'}"
        )
    family = find_family(families.pop())
    return {
        (one, two): _weighted(
            (entry.source.lower(), entry.target.lower())
            for entry in bilingual_dictionary(texts[one].controlled, texts[two].controlled, family=family)
            if entry.source != entry.target
        )
        for one, two in permutations(texts, 2)
    }


def _weighted(pairs: Iterable[tuple[str, str]]) -> Translations:
    """Return each word's translations, all of them with equal weights."""
    found: dict[str, dict[str, None]] = {}
    for here, there in pairs:
        found.setdefault(here, {})[there] = None
    return {word: tuple((one, 1 / len(others)) for one in others) for word, others in found.items()}
