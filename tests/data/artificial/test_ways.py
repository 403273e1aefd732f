"""Text that was made artificial gives the text back, to the byte, and is the same each time."""

from __future__ import annotations

import itertools
import random

import pytest

from layerlab.data.artificial.corpora import artificial_pair, artificial_sentence
from layerlab.data.artificial.fake import fake_text
from layerlab.data.artificial.order import invert_text, permute_text
from layerlab.data.artificial.script import transliterate
from layerlab.data.artificial.ways import make_artificial, make_real
from layerlab.data.pairs import Pair
from layerlab.data.sentences import Sentence
from layerlab.errors import DataError

TEXTS = [
    "Der alte König sagte: nein! Warum nicht?",
    "Дом стоял, а 3.14 — число... да.",
    "हिन्दी भाषा है।",
    " x_y don't\t'tis ",
    "",
]
WAYS = [
    ("inverted",),
    ("permuted",),
    ("transliterated",),
    ("fake",),
    ("fake", "inverted"),
    ("permuted", "transliterated", "inverted", "fake"),
]


def drawn_texts(n: int) -> list[str]:
    stream, signs = random.Random(0), "abcéЖभिद日 . ,?!\t1_-'\u0301"
    return ["".join(stream.choice(signs) for _ in range(stream.randint(0, 40))) for _ in range(n)]


@pytest.mark.parametrize("ways", WAYS)
def test_every_way_and_composition_can_be_undone_to_the_byte(ways: tuple[str, ...]) -> None:
    for text in (*TEXTS, *drawn_texts(300)):
        made = make_artificial(text, ways, seed=3)
        assert make_real(made, ways, seed=3) == text
        assert make_artificial(text, ways, seed=3) == made


def test_inversion_twice_is_the_identity() -> None:
    for text in (*TEXTS, *drawn_texts(300)):
        assert invert_text(invert_text(text)) == text
    assert invert_text("Der alte König, sagte er. Nein?") == "er sagte ,König alte Der. Nein?"


def test_a_permutation_keeps_the_words_of_a_sentence_and_depends_on_the_seed() -> None:
    text = "one two three four five six, seven. eight nine ten"
    orders = {permute_text(text, seed) for seed in range(5)}
    assert len(orders) > 3
    for order in orders:
        first, second = order.replace(",", "").split(".")
        assert sorted(first.split()) == ["five", "four", "one", "seven", "six", "three", "two"]
        assert sorted(second.split()) == ["eight", "nine", "ten"]


def test_no_letter_of_the_text_is_left_when_it_is_transliterated() -> None:
    made = transliterate("Der König, дом 12 हिन्दी")
    assert not set(made) & set("Derkönig дом हिन्दी") - {" "}
    assert ", " in made
    assert " 12 " in made
    with pytest.raises(DataError, match="holds Hangul already"):
        transliterate("한국어")


def test_fake_words_are_one_to_one_and_do_not_follow_how_words_look() -> None:
    endings = ["".join(pair) for pair in itertools.product("abcdefghij", repeat=2)]
    words = ["king", "kings", "a", "I", "größe", *(f"work{ending}" for ending in endings)]
    made = [fake_text(word) for word in words]
    assert len(set(made)) == len(words)
    assert all(one.isascii() for one in fake_text("king größe Ж").split())
    alike = sum(one[:3] == other[:3] for one, other in itertools.pairwise(made))
    assert alike < 10
    assert fake_text("king", seed=1) != fake_text("king", seed=2)
    with pytest.raises(DataError, match="is no fake word of seed 0"):
        make_real("qqq", ["fake"])


SAID = Sentence(
    words=("Eve", "Ray", "saw", "New", "York", "today", "."),
    upos=("PROPN", "PROPN", "VERB", "PROPN", "PROPN", "ADV", "PUNCT"),
    heads=(3, 1, 0, 5, 3, 3, 3),
    relations=("nsubj", "flat", "root", "amod", "obj", "advmod", "punct"),
    entities=("B-PER", "I-PER", "O", "B-LOC", "I-LOC", "O", "O"),
    text="Eve Ray saw New York today.",
)


@pytest.mark.parametrize("ways", WAYS)
def test_annotations_go_with_their_words(ways: tuple[str, ...]) -> None:
    made = artificial_sentence(SAID, ways)
    of_words = [way for way in ways if way in ("transliterated", "fake")]
    named = [artificial_sentence(Sentence((word,)), of_words) for word in SAID.words]
    old_of = {one.words[0]: old for old, one in enumerate(named)}
    order = [old_of[word] for word in made.words]
    assert sorted(order) == list(range(len(SAID.words)))
    for new, old in enumerate(order):
        assert made.upos[new] == SAID.upos[old]
        assert made.relations[new] == SAID.relations[old]
        head = made.heads[new]
        assert (order[head - 1] + 1 if head else 0) == SAID.heads[old]
        assert made.entities[new][2:] == SAID.entities[old][2:]
    assert made.words[-1] == "."


def test_an_inverted_tree_stays_projective_and_an_entity_whole() -> None:
    made = artificial_sentence(SAID, ["inverted"])
    assert made.words == ("today", "York", "New", "saw", "Ray", "Eve", ".")
    assert made.text == "today York New saw Ray Eve."
    assert made.entities == ("O", "B-LOC", "I-LOC", "O", "B-PER", "I-PER", "O")


def test_both_sides_of_a_pair_are_changed_and_its_label_stays() -> None:
    made = artificial_pair(Pair("a b.", "c d?", "neutral", "7"), ["inverted"])
    assert made == Pair("b a.", "d c?", "neutral", "7")
