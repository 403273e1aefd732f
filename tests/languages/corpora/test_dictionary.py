from __future__ import annotations

from itertools import chain, islice

import pytest

from layerlab.errors import DataError
from layerlab.languages.corpora.dictionary import (
    bilingual_dictionary,
    inflected_forms,
    part_of_speech,
    word_table,
)
from layerlab.languages.corpora.generate import find_speaker, generate_said
from layerlab.languages.family import known_languages


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
