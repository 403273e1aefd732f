from __future__ import annotations

from itertools import chain, islice, product

import pytest

from layerlab.errors import DataError
from layerlab.languages.corpora.dictionary import (
    bilingual_dictionary,
    word_table,
)
from layerlab.languages.corpora.generate import find_speaker, generate_said
from layerlab.languages.family import known_languages
from layerlab.languages.speech.morphology import adjective_form, noun_form, verb_form, word_form
from layerlab.languages.speech.speaker import Speaker
from layerlab.languages.speech.tokens import part_of_speech

CASES = ("nom", "acc", "gen", "dat", "loc", "abl", "ins")
PERSONS = ("1", "2", "3", "1+many", "2+many", "3+many")


def inflected_forms(speaker: Speaker, concept: str) -> tuple[str, ...]:
    """Return all forms of a concept's word, the dictionary form first."""
    kind, language = concept.split(":")[0], speaker.language
    numbers, cases = (False, True), CASES if language.case != "none" else ("nom",)
    forms = [word_form(speaker, concept)]
    if kind in ("NOUN", "NAME") or concept == "PRON:who":
        plural = numbers if kind == "NOUN" else (False,)
        forms += [
            noun_form(speaker, concept, *how) for how in product(plural, cases, (False, kind == "NOUN"))
        ]
    elif kind in ("ADJ", "DET"):
        genders = range(language.genders)
        forms += [adjective_form(speaker, concept, *how) for how in product(numbers, cases, genders)]
    elif kind in ("VERB", "AUX"):
        tenses = ("present", "past", "future", "infinitive")
        forms += [verb_form(speaker, concept, *how) for how in product(tenses, PERSONS, (False, True))]
    elif kind == "PRON":
        forms += [noun_form(speaker, concept, False, case, False) for case in cases]
    return tuple(dict.fromkeys(forms))


@pytest.mark.parametrize("name", known_languages())
def test_every_word_that_is_said_is_in_the_dictionary_with_its_class(name: str) -> None:
    words, speaker = word_table(name), find_speaker(name)
    forms: dict[str, tuple[str, ...]] = {}
    for said in islice(chain.from_iterable(generate_said(name, "dictionary")), 1500):
        for concept, lemma, form, upos in zip(
            said.concepts, said.lemmas, said.sentence.words, said.sentence.upos, strict=True
        ):
            if ":" not in concept:
                assert lemma == form
                continue
            assert words[concept] == lemma
            assert part_of_speech(concept) == upos
            if concept not in forms:
                forms[concept] = inflected_forms(speaker, concept)
            assert form in forms[concept]


@pytest.mark.parametrize(("name", "missing"), [("eshe", "ADP:in"), ("ciro", "ADP:of"), ("huan", "DET:the")])
def test_words_that_a_language_does_without_are_not_in_its_dictionary(name: str, missing: str) -> None:
    said = {c for one in islice(chain.from_iterable(generate_said(name)), 1500) for c in one.concepts}
    assert missing not in said
    assert missing not in word_table(name)


def test_a_dictionary_read_backwards_is_the_other_direction() -> None:
    there, back = bilingual_dictionary("belo", "gori"), bilingual_dictionary("gori", "belo")
    assert {(e.source, e.target, e.pos) for e in there} == {(e.target, e.source, e.pos) for e in back}
    assert len(there) > 600


def test_the_nearest_languages_share_most_words_and_the_farthest_next_to_none() -> None:
    def shared(target: str) -> float:
        entries = [e for e in bilingual_dictionary("avin", target) if e.pos == "NOUN"]
        return sum(e.source == e.target for e in entries) / len(entries)

    assert shared("belo") > 0.1
    assert shared("huan") == 0


def test_an_unknown_language_is_told() -> None:
    with pytest.raises(DataError, match="unknown controlled language 'avi'; did you mean 'avin'"):
        bilingual_dictionary("belo", "avi")
