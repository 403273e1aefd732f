from __future__ import annotations

import unicodedata
from typing import get_args

import pytest

from layerlab.languages.scripts import CONSONANTS, SCRIPTS, VOWELS, ScriptName, detokenised, write

NAMES: tuple[ScriptName, ...] = get_args(ScriptName)
BLOCKS = {
    "latin": "LATIN",
    "cyrillic": "CYRILLIC",
    "greek": "GREEK",
    "hebrew": "HEBREW",
    "armenian": "ARMENIAN",
}


@pytest.mark.parametrize("script", NAMES)
def test_every_sound_is_written_differently(script: ScriptName) -> None:
    assert len({write(script, f"{sound}a") for sound in CONSONANTS}) == len(CONSONANTS)
    assert len({write(script, f"t{sound}") for sound in VOWELS}) == len(VOWELS)


@pytest.mark.parametrize("script", NAMES)
def test_writing_is_stable_under_normalisation(script: ScriptName) -> None:
    text = write(script, "".join(f"{c}{v}" for c in CONSONANTS for v in VOWELS) + "st")
    assert unicodedata.normalize("NFC", text) == text == unicodedata.normalize("NFD", text)
    assert not any(character.isspace() for character in text)


@pytest.mark.parametrize("script", sorted(BLOCKS))
def test_letters_are_of_their_script(script: ScriptName) -> None:
    for letter in "".join(SCRIPTS[script].letters):
        assert unicodedata.name(letter).startswith(BLOCKS[script])


def test_scripts_share_no_letter() -> None:
    texts = {script: set(write(script, "".join(f"{c}a" for c in CONSONANTS))) for script in NAMES}
    for script, letters in texts.items():
        for other, others in texts.items():
            assert script == other or not letters & others


def test_the_unspaced_script_has_one_ideograph_for_a_syllable() -> None:
    assert len(write("han", "tanko")) == 2
    assert all("CJK UNIFIED" in unicodedata.name(character) for character in write("han", "tankostrim"))
    assert len({write("han", c + v + n) for c in CONSONANTS for v in VOWELS for n in ("", "n")}) == 19 * 6 * 2


def test_the_abugida_writes_consonants_with_vowel_signs() -> None:
    assert write("devanagari", "ati") == "अति"
    assert write("devanagari", "aeta") == "अएत"


def test_text_has_no_space_before_punctuation_and_none_at_all_in_the_unspaced_script() -> None:
    assert detokenised(("ta", ",", "ko", "?"), "latin") == "ta, ko?"
    assert detokenised(("士", "，", "呲", "。"), "han") == "士，呲。"
