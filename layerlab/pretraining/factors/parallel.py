"""Parallel text for translation language modelling: the translations of a verse, one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from layerlab.errors import DataError
from layerlab.pretraining.text.corpus import Tokens, encode, read_rows
from layerlab.training.streams import translations_stream

if TYPE_CHECKING:
    from layerlab.pretraining.spec import PretrainingSpec

PARALLEL: Final = "parallel"


def parallel_stream(spec: PretrainingSpec, tokenizer: Any) -> Tokens:
    """Return the parallel corpora as one stream, shape ``(tokens,)``.

    Text by text, in the order of the first language that has it, the translations follow one another in a
    random order of languages, each with a separator after it; texts in one language alone are left out. A
    packed sequence thus holds the same words in two or more languages.

    Raises:
        DataError: No text stands in two languages.

    Reference:
        Conneau and Lample 2019, "Cross-lingual Language Model Pretraining" (TLM, there with two languages).
    """
    if spec.parallel is None:
        raise DataError("parallel: the spec names no parallel corpora")
    return encode(interleave(read_translations(spec.parallel.corpora, spec.drop), spec.seed), tokenizer)


def read_translations(
    corpora: Mapping[str, Path], drop: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, str]]:
    """Read parallel texts: language to text by id, without the ids that a language drops.

    Raises:
        DataError: A line that has not exactly one tab; names file and line.
    """
    return {language: dict(read_rows(file, drop.get(language, ()))) for language, file in corpora.items()}


def interleave(texts: Mapping[str, Mapping[str, str]], seed: int) -> Sequence[str]:
    """Return all texts that stand in two languages at least, translations of one text side by side.

    Args:
        texts: Language to text by id.
        seed: Seed of the order of languages, which each text draws anew.

    Raises:
        DataError: No id stands in two languages.

    >>> interleave({"en": {"1": "a", "2": "b"}, "fr": {"1": "c"}}, seed=0)
    ['c', 'a']
    """
    languages = tuple(texts)
    identifiers = dict.fromkeys(identifier for language in languages for identifier in texts[language])
    generator = translations_stream(seed)
    result: list[str] = []
    for identifier in identifiers:
        order = [languages[number] for number in generator.permutation(len(languages))]
        having = [language for language in order if identifier in texts[language]]
        if len(having) > 1:
            result.extend(texts[language][identifier] for language in having)
    if not result:
        raise DataError(f"parallel: no id stands in two of {', '.join(languages)}")
    return result
