from __future__ import annotations

from random import Random

import pytest

from layerlab.languages.sounds import changed, draw_affix, draw_stem, parse_sounds, syllable_inventory


@pytest.mark.parametrize(
    ("word", "rules", "expected"),
    [
        ("pata", ["p > f"], "fata"),
        ("tata", ["t > d / V_V"], "tada"),
        ("kapak", ["k > x / _#"], "kapax"),
        ("kapak", ["k > x / #_"], "xapak"),
        ("apta", ["p >  / _C"], "ata"),
        ("pa", ["p > f", "f > h"], "ha"),
        ("a", ["a > "], "a"),
    ],
)
def test_sound_changes_are_regular_and_ordered(word: str, rules: list[str], expected: str) -> None:
    assert changed(word, rules) == expected


@pytest.mark.parametrize("rule", ["p", "p > ø", "p > f / Q_", "> f", "p > q"])
def test_a_change_that_cannot_be_read_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="expected 'old > new'"):
        changed("pata", [rule])


def test_letters_that_are_no_sounds_are_refused() -> None:
    with pytest.raises(ValueError, match="expected groups of the sounds"):
        parse_sounds("p ö")


def test_the_inventory_has_the_asked_size_or_all_there_are() -> None:
    assert len(syllable_inventory(["t", "k"], ["a", "e", "i"], ["", "n"], 5, Random(0)).items) == 5
    assert len(syllable_inventory(["t", "k"], ["a", "a"], [""], 50, Random(0)).items) == 2


def test_stems_are_made_of_the_inventory() -> None:
    syllables = syllable_inventory(["t", "k"], ["a", "e"], [""], 3, Random(0))
    stem = draw_stem(syllables, 2, Random(1))
    assert {stem[:2], stem[2:]} <= set(syllables.items)
    assert all(draw_affix(syllables, Random(seed)) for seed in range(20))
