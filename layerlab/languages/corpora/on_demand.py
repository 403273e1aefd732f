"""Controlled corpora without files: made on demand, once in each process."""

from __future__ import annotations

from functools import lru_cache

from layerlab.data.pairs import Pair
from layerlab.data.sentences import Sentence
from layerlab.languages.corpora.balanced_nli import generate_balanced_pairs
from layerlab.languages.corpora.nli import generate_pairs
from layerlab.languages.corpora.treebanks import read_controlled
from layerlab.languages.family import find_family
from layerlab.languages.language import Family


def speak(
    language: str, split: str, size: int, seed: int, parallel: tuple[str, ...], family: str | None
) -> tuple[Sentence, ...]:
    """Return the sentences of a split; a second call returns them from memory.

    Arguments are those of ``read_controlled``, but ``family``, which is as for ``find_family``.

    Raises:
        DataError: Unknown language or domain, or a family that cannot be read.
    """
    # The family as a value, not as a path, is remembered: the file may change.
    text = find_family(family).model_dump_json()
    return _speak(language, split, size, seed, parallel, text)


def speak_pairs(
    language: str, split: str, size: int, seed: int, family: str | None, *, balanced: bool = False
) -> tuple[Pair, ...]:
    """Return the inference pairs of a split; a second call returns them from memory.

    All splits are parallel over languages. Pairs belong to no domain. ``family`` is as for ``find_family``;
    ``balanced`` pairs are those of ``balanced_nli``.

    Raises:
        DataError: Unknown language, or a family that cannot be read.

    >>> sorted(pair.label for pair in speak_pairs("avin", "dev", 3, 0, None))
    ['contradiction', 'entailment', 'neutral']
    """
    return _speak_pairs(language, f"{seed}-{split}", size, find_family(family).model_dump_json(), balanced)


@lru_cache(maxsize=32)
def _speak_pairs(language: str, seed: str, size: int, family: str, balanced: bool) -> tuple[Pair, ...]:
    generate = generate_balanced_pairs if balanced else generate_pairs
    pairs = generate(language, size, seed, family=Family.model_validate_json(family))
    return tuple(Pair(pair.premise.text, pair.hypothesis.text, pair.label, pair.pair_id) for pair in pairs)


@lru_cache(maxsize=32)
def _speak(
    language: str, split: str, size: int, seed: int, parallel: tuple[str, ...], family: str
) -> tuple[Sentence, ...]:
    spoken = Family.model_validate_json(family)
    return read_controlled(language, split, size, seed, parallel=parallel, family=spoken)
