"""Another script: every letter becomes a sign of a script in which the text holds nothing."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

from layerlab.errors import DataError

# Hangul has more syllables than the scripts with letters have code points: all up to U+2BA3, among them
# Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic, those of India, Thai and Georgian.
_FIRST: Final = 0xAC00
_SYLLABLES: Final = 11_172


def transliterate(text: str, seed: int = 0) -> str:
    """Return a text with every letter, and every mark that belongs to one, as a Hangul syllable of its own.

    Capitals have others than small letters. Digits, punctuation and ideographs stay.

    >>> transliterate("Ab 1."), untransliterate(transliterate("Ab 1."))
    ('걁걢 1.', 'Ab 1.')

    Raises:
        DataError: The text holds Hangul already, so that it could not be undone.

    Reference:
        K et al. 2020, "Cross-Lingual Ability of Multilingual BERT" (Fake-English); Deshpande et al. 2022.
    """
    if any(_is_syllable(sign) for sign in text):
        raise DataError(f"transliterated: {text[:40]!r} holds Hangul already; expected another script")
    return "".join(map(_syllable, text))


def untransliterate(text: str, seed: int = 0) -> str:
    """Return the text that was transliterated."""
    return "".join(chr(ord(sign) - _FIRST) if _is_syllable(sign) else sign for sign in text)


def _is_syllable(sign: str) -> bool:
    return _FIRST <= ord(sign) < _FIRST + _SYLLABLES


@cache
def _syllable(sign: str) -> str:
    is_letter = unicodedata.category(sign)[0] in "LM"
    return chr(_FIRST + ord(sign)) if is_letter and ord(sign) < _SYLLABLES else sign
