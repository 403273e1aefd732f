from __future__ import annotations

import math
import random

import numpy as np
import pytest

from layerlab.pretraining.factors.lexicon import count_occurrences, pair_words, words_of

CONCEPTS = [f"{first}{second}o" for first in "bdfglmnprs" for second in "aeiu"]


def _verses(n: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts of random concepts, said in two languages; the second has two forms for each."""
    draw = random.Random(seed)
    there, back = [], []
    for _ in range(n):
        said = draw.sample(CONCEPTS, 6)
        there.append(" ".join(said))
        back.append(" ".join(concept.upper()[::-1] + draw.choice(["", "um"]) for concept in reversed(said)))
    return there, back


def test_ideographs_are_words_and_other_letters_run_together() -> None:
    assert words_of("Der König, 王说; он сказал 12") == ["der", "könig", "王", "说", "он", "сказал"]


def test_translations_are_found_whatever_the_order_and_with_all_their_forms() -> None:
    there, back = _verses(600)
    forward, backward = pair_words(count_occurrences(there), count_occurrences(back))
    for concept in CONCEPTS:
        stem = concept[::-1]
        assert {word for word, _ in forward[concept]} == {stem, stem + "um"}
        assert math.isclose(sum(weight for _, weight in forward[concept]), 1)
        assert backward[stem] == backward[stem + "um"] == ((concept, 1.0),)


def test_weights_are_how_often_a_translation_stands_beside_the_word() -> None:
    there, back = _verses(400, seed=1)
    forward, _ = pair_words(count_occurrences(there), count_occurrences(back))
    word = CONCEPTS[0]
    pairs = list(zip(there, back, strict=True))
    together = {
        form: sum(word in one.split() and form in two.lower().split() for one, two in pairs)
        for form in (word[::-1], word[::-1] + "um")
    }
    total = sum(together.values())
    assert dict(forward[word]) == pytest.approx({form: count / total for form, count in together.items()})


def test_words_that_merely_are_frequent_are_no_translations() -> None:
    draw = random.Random(2)
    there = ["a " + draw.choice(["b", "c"]) for _ in range(300)]
    back = ["x " + draw.choice(["y", "z"]) for _ in range(300)]
    forward, backward = pair_words(count_occurrences(there), count_occurrences(back))
    assert not forward
    assert not backward


def test_rare_words_are_not_counted() -> None:
    found = count_occurrences(["a b", "a c", "a", "a b"], least=3)
    assert found.words == ("a",)
    np.testing.assert_array_equal(found.found.toarray(), np.ones((4, 1)))
