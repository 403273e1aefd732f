from __future__ import annotations

import re
from pathlib import Path

import pytest

from layerlab.errors import DataError
from layerlab.languages.family import (
    default_family,
    find_language,
    known_languages,
    parse_family,
    read_family,
    shipped_family,
)


def test_eight_languages_of_seven_scripts_and_four_orders_ship() -> None:
    languages = default_family().languages.values()
    assert len(known_languages()) == 8
    assert len({language.script for language in languages}) == 7
    assert {language.order for language in languages} == {"SVO", "SOV", "VSO", "free"}


def test_they_go_from_near_to_far() -> None:
    shares = [language.cognates.share for language in default_family().languages.values()]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.8
    assert shares[-1] == 0


def test_the_instrument_has_a_source_and_relatives_in_one_script() -> None:
    languages = shipped_family("instrument").languages.values()
    shares = [language.cognates.share for language in languages]
    assert len(shares) == 8
    assert shares == sorted(shares, reverse=True)
    assert {language.script for language in languages} == {"latin"}


def test_an_unknown_family_is_told_with_those_that_exist() -> None:
    with pytest.raises(DataError, match="unknown family of languages 'instrumnt'; did you mean 'instrument'"):
        shipped_family("instrumnt")


def test_an_unknown_language_is_told_with_those_that_exist() -> None:
    with pytest.raises(DataError, match="unknown controlled language 'avn'; did you mean 'avin'"):
        find_language(default_family(), "avn")


def test_a_misspelt_key_is_told_with_file_line_and_a_guess(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("languages:\n  mira:\n    order: SOV\n    scrpt: greek\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"mine\.yaml:4: languages\.mira\.scrpt: unknown key 'scrpt'; did you mean 'script'"
    ):
        read_family(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("world: {nuns: 5}\nlanguages: {a: {}}", "unknown key 'nuns'; did you mean 'nouns'"),
        ("langages: {a: {}}", "unknown key 'langages'; did you mean 'languages'"),
        ("languages: {a: {cognates: {shre: 1}}}", "did you mean 'share'"),
        ("languages: {a: {order: OVS}}", "languages.a.order: expected 'SVO'"),
        ("languages: {a: {order: free}}", "got order free with case none"),
        ("languages: {a: {homographs: 2}}", "expected at most 1"),
        ("languages: {a: {cognates: {changes: [p]}}}", "got sound change 'p'"),
        ("languages: {a: {loans: {source: b}}}", "loans of a: unknown language 'b'"),
        ("languages: {a: {phonotactics: {onsets: p 4}}}", "expected groups of the sounds"),
        ("[a, b]", "got a list"),
        ("languages: {a: [", "the family:1: not YAML"),
    ],
)
def test_a_family_that_cannot_be_says_why(text: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        parse_family(text)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(DataError, match=r"(?s)the family:2.*the family:3"):
        parse_family("languages:\n  a: {order: OVS}\n  b: {script: runic}\n")


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(DataError, match=r"nowhere\.yaml: cannot be read \(no such file"):
        read_family("nowhere.yaml")
