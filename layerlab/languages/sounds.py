"""Sounds: syllables that a language allows, words made of them, and regular sound changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from random import Random

from layerlab.languages.randomness import Weighted, one_of, shuffled, zipf
from layerlab.languages.scripts import CONSONANTS, VOWELS

SOUNDS = frozenset(VOWELS + CONSONANTS)
_RULE = re.compile(
    r"\s*(?P<old>[a-z]+)\s*>\s*(?P<new>[a-z]*)\s*(?:/\s*(?P<left>[#VC]?)_(?P<right>[#VC]?)\s*)?$"
)
_LEFT = {"": "", "#": r"\A", "V": f"(?<=[{VOWELS}])", "C": f"(?<=[{CONSONANTS}])"}
_RIGHT = {"": "", "#": r"\Z", "V": f"(?=[{VOWELS}])", "C": f"(?=[{CONSONANTS}])"}


def parse_sounds(text: str) -> tuple[str, ...]:
    """Read sounds or groups of sounds parted by spaces; ``-`` is none; repeating one makes it likelier.

    >>> parse_sounds("t k st -")
    ('t', 'k', 'st', '')

    Raises:
        ValueError: A letter that is no sound.
    """
    parts = tuple("" if part == "-" else part for part in text.split())
    strange = sorted(set("".join(parts)) - SOUNDS)
    if strange or not parts:
        raise ValueError(
            f"got {text!r}; expected groups of the sounds {VOWELS} {CONSONANTS}, or '-' for none"
        )
    return parts


@cache
def parse_change(rule: str) -> tuple[re.Pattern[str], str]:
    """Read a sound change ``old > new / left_right``, the context being ``#``, ``V``, ``C`` or nothing.

    >>> pattern, new = parse_change("t > d / V_V")
    >>> pattern.sub(new, "tata")
    'tada'

    Raises:
        ValueError: The rule cannot be read.
    """
    match = _RULE.match(rule)
    if match is None or not set(match["old"] + match["new"]) <= SOUNDS:
        raise ValueError(
            f"got sound change {rule!r}; expected 'old > new' or 'old > new / V_V' (# V C or nothing)"
        )
    pattern = _LEFT[match["left"] or ""] + match["old"] + _RIGHT[match["right"] or ""]
    return re.compile(pattern), match["new"]


def changed(sounds: str, rules: Sequence[str]) -> str:
    """Apply sound changes in their order; a word that would vanish stays as it is.

    >>> changed("pata", ["p > f", "a > e / _#"])
    'fate'
    """
    result = sounds
    for rule in rules:
        pattern, new = parse_change(rule)
        result = pattern.sub(new, result)
    return result or sounds


def syllable_inventory(
    onsets: Sequence[str], vowels: Sequence[str], codas: Sequence[str], size: int, random: Random
) -> Weighted[str]:
    """Draw the syllables that a language has, some frequent and most rare.

    The inventory is small on purpose: unrelated words then share their pieces.
    """
    drawn: dict[str, None] = {}
    possible = len({o + v + c for o in onsets for v in vowels for c in codas})
    while len(drawn) < min(size, possible):
        drawn[one_of(random, onsets) + one_of(random, vowels) + one_of(random, codas)] = None
    return zipf(shuffled(random, list(drawn)), exponent=0.6)


def draw_affix(syllables: Weighted[str], random: Random) -> str:
    """Draw a short affix: a syllable, its rhyme or its first two sounds."""
    syllable = syllables.draw(random)
    rhyme = syllable.lstrip(CONSONANTS)
    return one_of(random, (syllable[:2], rhyme, rhyme)) or syllable


def draw_stem(syllables: Weighted[str], n_syllables: int, random: Random) -> str:
    """Draw a word of so many syllables."""
    return "".join(syllables.draw(random) for _ in range(n_syllables))
