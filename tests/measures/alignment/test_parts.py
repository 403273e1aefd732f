"""What a map is fitted on and what it is tested on have no word and no sentence in common."""

from __future__ import annotations

import numpy as np
import pytest

from layerlab.measures.alignment.parts import split_sentences, split_words


@pytest.mark.parametrize("seed", range(5))
def test_no_word_of_either_language_is_in_both_parts(seed: int) -> None:
    draw = np.random.default_rng(seed).integers(0, 30, size=(120, 2)).tolist()
    pairs = [(f"a{first}", f"b{second}") for first, second in draw]
    fit, test = split_words(pairs, 0.3, seed)
    for side in (0, 1):
        fitted = {pair[side] for pair, chosen in zip(pairs, fit, strict=True) if chosen}
        tested = {pair[side] for pair, chosen in zip(pairs, test, strict=True) if chosen}
        assert not fitted & tested
    assert fit.any()


def test_one_to_one_pairs_are_all_in_a_part() -> None:
    pairs = [(f"a{number}", f"b{number}") for number in range(100)]
    fit, test = split_words(pairs, 0.3, seed=1)
    assert (fit ^ test).all()
    assert test.sum() == 30


def test_seeds_draw_other_parts() -> None:
    assert (split_sentences(50, 0.5, 0) != split_sentences(50, 0.5, 1)).any()
    assert (split_sentences(50, 0.5, 0) == split_sentences(50, 0.5, 0)).all()
