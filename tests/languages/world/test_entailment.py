from __future__ import annotations

from random import Random

import pytest

from layerlab.languages.corpora.generate import find_world
from layerlab.languages.world.entailment import (
    antonym,
    assertion,
    deny,
    hypernym,
    opposite,
    other,
    stronger,
    weaker,
)
from layerlab.languages.world.meaning import Clause, Nominal

WORLD = find_world()
ANIMAL = WORLD.by_category["animal"].items
VERB = next(name for name, verb in WORLD.verbs.items() if verb.kind == "stay")


def test_the_general_word_of_a_class_is_its_most_frequent_noun() -> None:
    assert {hypernym(WORLD, noun) for noun in ANIMAL} == {ANIMAL[0]}
    assert hypernym(WORLD, ANIMAL[0]) == ANIMAL[0]


def test_opposites_are_mutual_and_none_is_its_own() -> None:
    for number in range(WORLD.size.adjectives):
        opposed = antonym(WORLD, f"ADJ:{number}")
        assert opposed != f"ADJ:{number}"
        assert antonym(WORLD, opposed) == f"ADJ:{number}"


def test_a_clause_says_less_without_a_part_or_with_a_general_word() -> None:
    subject = Nominal(ANIMAL[3], adjectives=("ADJ:4",), numeral="NUM:two", plural=True)
    place = Nominal("NAME:1", "name", entity="LOC")
    clause = Clause(VERB, subject, circumstances=(("ADP:in", place),), adverbs=("ADV:2",))
    less = weaker(WORLD, clause)
    assert Clause(VERB, subject, circumstances=(("ADP:in", place),)) in less
    assert Clause(VERB, subject, adverbs=("ADV:2",)) in less
    subjects = [found.subject for found in less if found.subject != subject]
    assert [found.concept for found in subjects if found] == [ANIMAL[3], ANIMAL[3], ANIMAL[0]]
    general = Nominal(WORLD.by_category["place"].items[0], definite=False)
    assert (("ADP:in", general),) in [found.circumstances for found in less]


def test_nothing_is_weaker_than_a_bare_clause_and_nothing_is_said_of_every() -> None:
    bare = Clause(VERB, Nominal("PRON:he", "pronoun"))
    assert weaker(WORLD, bare) == []
    assert assertion(Clause(VERB, Nominal(ANIMAL[1], determiner="DET:every"))) is None


def test_what_is_stronger_has_what_it_is_stronger_than_among_its_weaker_ones() -> None:
    clause = Clause(VERB, Nominal(ANIMAL[2], adjectives=("ADJ:7",)))
    for more in stronger(WORLD, clause, Random(0)):
        assert clause in weaker(WORLD, more)


def test_an_assertion_is_undenied_and_alone() -> None:
    whole = Clause(
        VERB,
        Nominal(ANIMAL[1]),
        negated=True,
        question=True,
        interjection="INTJ:yes",
        conjunct=Clause(VERB),
        conjunction="CCONJ:and",
    )
    assert assertion(whole) == Clause(VERB, Nominal(ANIMAL[1]))
    assert deny(deny(whole)) == whole


@pytest.mark.parametrize("seed", range(5))
def test_another_noun_is_neither_general_nor_the_same(seed: int) -> None:
    clause = Clause(VERB, Nominal(ANIMAL[2]))
    for found in other(WORLD, clause, Random(seed)):
        assert found != clause
        assert found.subject is not None
        assert found.subject.concept in ANIMAL[1:]


def test_only_certain_subjects_have_opposite_qualities() -> None:
    certain = Clause("ADJ:6", Nominal(ANIMAL[1]))
    assert opposite(WORLD, certain) == Clause("ADJ:7", Nominal(ANIMAL[1]))
    assert opposite(WORLD, Clause("ADJ:6", Nominal(ANIMAL[1], definite=False))) is None
    assert opposite(WORLD, Clause(VERB, Nominal(ANIMAL[1]))) is None
