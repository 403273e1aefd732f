"""A fake language: every word becomes another one, always the same, that tells nothing of the first."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import groupby
from typing import Final

from layerlab.errors import DataError

# A syllable stands for a byte: sixteen consonants, four vowels, four endings.
_ONSETS: Final = "pbtdkgfvzmnlrsjh"
_VOWELS: Final = "aeio"
_CODAS: Final = ("", "n", "r", "s")
_ROUNDS: Final = 4


def fake_text(text: str, seed: int = 0) -> str:
    """Return a text with every word, a run of letters, replaced by the fake word that belongs to it.

    Words that look alike get fake words that do not, so that inflection is no help; it has as many syllables
    as the word has bytes. By chance a fake word may be a word of some language: transliterate it too where
    nothing may be shared. In a script without spaces, all between two signs is one word.

    >>> fake_text("king, kings") == fake_text("king, kings")
    True
    >>> real_text(fake_text("Two kings, 2 houses."))
    'Two kings, 2 houses.'

    Reference:
        Dufter and Schütze 2020, "Identifying Elements Essential for BERT's Multilinguality" (Fake-English,
        there by other ids of word-pieces).
    """
    return _each_word(text, lambda word: _faked(word, seed))


def real_text(text: str, seed: int = 0) -> str:
    """Return the text whose words became fake with a seed.

    Raises:
        DataError: A word is none that was made so.
    """
    return _each_word(text, lambda word: _unfaked(word, seed))


def _each_word(text: str, change: Callable[[str], str]) -> str:
    runs = groupby(text, key=lambda sign: unicodedata.category(sign)[0] in "LM")
    return "".join(change("".join(signs)) if is_word else "".join(signs) for is_word, signs in runs)


@lru_cache(maxsize=100_000)
def _faked(word: str, seed: int) -> str:
    return "".join(map(_syllable, _scrambled(word.encode(), seed, range(_ROUNDS))))


@lru_cache(maxsize=100_000)
def _unfaked(word: str, seed: int) -> str:
    try:
        return _scrambled(bytes(_bytes_of(word)), seed, range(_ROUNDS - 1, -1, -1)).decode()
    except (ValueError, IndexError) as error:
        raise DataError(f"{word!r} is no fake word of seed {seed}") from error


def _scrambled(word: bytes, seed: int, rounds: range) -> bytes:
    """Return the bytes that belong to a word's: a Feistel network over halves of bytes, one to one."""
    halves = [half for one in word for half in (one >> 4, one & 15)]
    n = len(word)
    left, right = halves[:n], halves[n:]
    backwards = rounds.step < 0
    for number in rounds:
        keyed = left if backwards else right
        mixed = hashlib.shake_128(bytes([seed & 255, number, n & 255, *keyed]) + str(seed).encode()).digest(n)
        if backwards:
            left, right = [one ^ (mix & 15) for one, mix in zip(right, mixed, strict=True)], left
        else:
            left, right = right, [one ^ (mix & 15) for one, mix in zip(left, mixed, strict=True)]
    both = [*left, *right]
    return bytes(both[place] << 4 | both[place + 1] for place in range(0, 2 * n, 2))


def _syllable(byte: int) -> str:
    return _ONSETS[byte >> 4] + _VOWELS[byte >> 2 & 3] + _CODAS[byte & 3]


def _bytes_of(word: str) -> list[int]:
    """Return the bytes that syllables stand for: an ending is what no vowel follows."""
    found, place = [], 0
    while place < len(word):
        onset, vowel = _ONSETS.index(word[place]), _VOWELS.index(word[place + 1])
        place += 2
        coda = 0
        if word[place : place + 1] in _CODAS[1:] and word[place + 1 : place + 2] not in tuple(_VOWELS):
            coda = _CODAS.index(word[place])
            place += 1
        found.append(onset << 4 | vowel << 2 | coda)
    return found
