from __future__ import annotations

import pytest

from layerlab.errors import DataError
from layerlab.languages.family import default_family, known_languages, parse_family
from layerlab.languages.scripts import write
from layerlab.languages.sounds import changed
from layerlab.languages.speech.words import all_concepts, build_lexicon, proto_words

FAMILY = default_family()
CONTENT = ("NOUN", "VERB", "ADJ", "ADV")


@pytest.mark.parametrize("name", known_languages())
def test_every_concept_has_a_word_and_no_two_of_a_class_look_alike(name: str) -> None:
    words = build_lexicon(FAMILY, name)
    script = FAMILY.languages[name].script
    for kind in (*CONTENT, "NAME", "ADP", "AUX", "SCONJ", "PRON", "DET"):
        forms = [write(script, words[c]) for c in all_concepts(FAMILY.world) if c.split(":")[0] == kind]
        assert forms
        assert all(forms)
        assert len(set(forms)) == len(forms)


@pytest.mark.parametrize("name", known_languages())
def test_words_of_different_classes_look_alike(name: str) -> None:
    words = build_lexicon(FAMILY, name)
    nouns = {words[concept] for concept in words if concept.startswith("NOUN")}
    verbs = [words[concept] for concept in words if concept.startswith("VERB")]
    assert 0.02 < sum(verb in nouns for verb in verbs) / len(verbs) < 0.5


@pytest.mark.parametrize("name", known_languages())
def test_unrelated_words_share_pieces(name: str) -> None:
    words = build_lexicon(FAMILY, name)
    stems = [words[concept] for concept in words if concept.startswith("NOUN")]
    assert len({stem[:3] for stem in stems}) < 0.7 * len(stems)


def test_the_share_of_cognates_is_what_the_description_says() -> None:
    proto = proto_words(FAMILY)
    text = "languages: {a: {homographs: 0, cognates: {share: 0.5, changes: [p > f]}}, b: {homographs: 0}}"
    family = parse_family(
        f"world: {{seed: {FAMILY.world.seed}}}\nproto: {{onsets: p t k, syllables: 40}}\n{text}"
    )
    proto = proto_words(family)
    for name, low, high in (("a", 0.42, 0.58), ("b", 0.0, 0.08)):
        words = build_lexicon(family, name)
        nouns = [concept for concept in words if concept.startswith("NOUN")]
        kept = sum(words[concept] == changed(proto[concept], ["p > f"]) for concept in nouns) / len(nouns)
        assert low <= kept <= high


def test_cognate_sets_are_nested() -> None:
    languages = "{a: {homographs: 0, cognates: {share: 0.3}}, b: {homographs: 0, cognates: {share: 0.7}}}"
    family = parse_family(f"languages: {languages}")
    proto = proto_words(family)
    few, many = (
        {concept for concept, sounds in build_lexicon(family, name).items() if sounds == proto.get(concept)}
        for name in ("a", "b")
    )
    assert len(few - many) < 0.1 * len(few)


def _words_alike(false_friends: float) -> tuple[int, int, int]:
    """Count the content words of a language that are cognates, false friends and neither."""
    old, new = "{share: 1}", f"{{share: 0.5, false_friends: {false_friends}}}"
    family = parse_family(
        f"languages: {{a: {{homographs: 0, cognates: {old}}}, b: {{homographs: 0, cognates: {new}}}}}"
    )
    theirs, words = build_lexicon(family, "a"), build_lexicon(family, "b")
    meanings = {sounds: concept for concept, sounds in theirs.items() if concept.startswith(CONTENT)}
    ours = {concept: sounds for concept, sounds in words.items() if concept in meanings.values()}
    cognates = sum(meanings.get(sounds) == concept for concept, sounds in ours.items())
    alike = sum(sounds in meanings for sounds in ours.values())
    return cognates, alike - cognates, len(ours) - alike


def test_false_friends_look_like_a_word_that_means_something_else() -> None:
    cognates, friends, own = _words_alike(0.8)
    assert 0.4 < cognates / (cognates + friends + own) < 0.6
    assert 0.7 < friends / (friends + own) < 0.9


def test_without_a_share_of_false_friends_hardly_any_word_is_one() -> None:
    _, friends, own = _words_alike(0.0)
    assert friends / (friends + own) < 0.1


def test_loans_come_from_their_source_even_both_ways() -> None:
    family = parse_family(
        "languages: {a: {homographs: 0, loans: {source: b, share: 0.3}},"
        " b: {homographs: 0, script: greek, loans: {source: a, share: 0.1}}}"
    )
    ours, theirs = build_lexicon(family, "a"), build_lexicon(family, "b")
    nouns = [concept for concept in ours if concept.startswith("NOUN")]
    assert 0.2 < sum(ours[concept] == theirs[concept] for concept in nouns) / len(nouns) < 0.5


def test_shared_names_are_the_same_in_all_languages() -> None:
    words = [build_lexicon(FAMILY, name) for name in ("avin", "belo")]
    names = [concept for concept in words[0] if concept.startswith("NAME")]
    assert sum(words[0][name] == words[1][name] for name in names) > 0.9 * len(names)


def test_an_unknown_language_is_told() -> None:
    with pytest.raises(DataError, match="unknown controlled language 'zulu'"):
        build_lexicon(FAMILY, "zulu")
