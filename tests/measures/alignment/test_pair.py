"""Two encoders that are one another's rotation are aligned, between their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from layerlab.errors import CheckpointError, DataError
from layerlab.measures.alignment.material import (
    Material,
    Side,
    context_items,
    levels_beside,
    sentence_items,
    word_items,
)
from layerlab.measures.alignment.options import Aligning
from layerlab.measures.alignment.pair import PairRow, align_pair
from layerlab.measures.alignment.word_states import word_states
from layerlab.models.encoder import Encoder
from layerlab.models.pieces import special_tokens, tokenize
from layerlab.models.tokenizers import Tokenizers, load_tokenizers
from tests.fixtures.alignment import turned

# Not the embeddings: there a word at one place is the same in every sentence.
LAYERS = (1, 2, 4)


@pytest.fixture(scope="module")
def found(side: Side, same_sentences: Material) -> Mapping[tuple[str, str, int], PairRow]:
    rows = align_pair(side, turned(side), same_sentences, Aligning(layers=LAYERS), joint=(side, side))
    return {(row.metric, row.condition, row.layer): row for row in rows}


@pytest.mark.parametrize("unit", ["context", "sentence"])
@pytest.mark.parametrize("layer", LAYERS)
def test_bounds_are_in_order(found: Mapping[tuple[str, str, int], PairRow], unit: str, layer: int) -> None:
    values = {key[1]: row.value for key, row in found.items() if key[::2] == (f"{unit}_retrieval", layer)}
    assert set(values) == {
        "procrustes", "least_squares", "rotation", "none", "joint", "joint_procrustes", "untrained",
        "untrained_least_squares",
    }  # fmt: skip
    assert values["procrustes"] == values["joint"] == values["joint_procrustes"] > 0.7
    assert values["untrained"] <= values["procrustes"]
    assert max(values["rotation"], values["none"]) < min(0.35, values["untrained"])


def test_a_rotation_changes_no_cka_and_an_untrained_encoder_is_less_alike(
    found: Mapping[tuple[str, str, int], PairRow],
) -> None:
    for layer in LAYERS:
        assert found["cka", "none", layer].value == pytest.approx(1, abs=1e-5)
        assert found["cka", "joint", layer].value == pytest.approx(1, abs=1e-5)
        assert found["cka", "untrained", layer].value < 0.95
        assert found["cka", "none", layer].n == 120


def test_words_are_looked_for_among_all_words(found: Mapping[tuple[str, str, int], PairRow]) -> None:
    row = found["word_retrieval_forward", "joint", 4]
    assert row.value == 1
    assert row.n == 7  # three tenths of 22 words
    assert found["word_retrieval", "rotation", 4].value < 0.5


@pytest.mark.parametrize("seed", range(3))
def test_no_word_and_no_sentence_is_in_both_parts(same_sentences: Material, seed: int) -> None:
    options = Aligning()
    items = context_items(same_sentences, options)
    parts = items.parts(seed)
    sentences, words = [], []
    for rows in (parts.fit, parts.test):
        places = [_place(same_sentences, int(number)) for number in items.pairs[rows][:, 0]]
        sentences.append({number for number, _ in places})
        words.append({same_sentences.worded[0][number].words[place] for number, place in places})
    assert not sentences[0] & sentences[1]
    assert not words[0] & words[1]
    assert all(sentences)
    assert all(words)
    for made in (sentence_items(same_sentences, options), word_items(same_sentences, options)):
        parts = made.parts(seed)
        assert not {*made.pairs[parts.fit].ravel().tolist()} & {*made.pairs[parts.test].ravel().tolist()}


def _place(material: Material, number: int) -> tuple[int, int]:
    """Return sentence and word of a pair, of which a word has twenty at most, in the order of the text."""
    seen: dict[str, int] = {}
    kept = []
    for sentence, one in enumerate(material.worded[0]):
        for place, word in enumerate(one.words):
            seen[word.lower()] = seen.get(word.lower(), 0) + 1
            if seen[word.lower()] <= Aligning().occurrences:
                kept.append((sentence, place))
    return kept[number]


def test_a_words_states_are_the_mean_of_those_of_its_pieces(side: Side, same_sentences: Material) -> None:
    sentence = same_sentences.worded[0][3]
    got = word_states(side.encoder, side.tokenizer, same_sentences.worded[0], [(3, 2), (3, 0)], levels=(0, 3))
    pieces, _ = tokenize(sentence.words, side.tokenizer)
    before, after = special_tokens(side.tokenizer)
    ids = [*before, *(piece for word in sentence.words for piece in pieces[word]), *after]
    start = len(before) + sum(len(pieces[word]) for word in sentence.words[:2])
    end = start + len(pieces[sentence.words[2]])
    with torch.no_grad():
        hidden = side.encoder.base(torch.tensor([ids]), output_hidden_states=True).hidden_states
    for place, level in enumerate((0, 3)):
        assert np.allclose(got[place, 0], hidden[level][0, start:end].mean(dim=0).numpy(), atol=1e-5)


def test_too_few_pairs_are_refused_or_noted(side: Side, same_sentences: Material) -> None:
    few = same_sentences.some(20)
    with pytest.raises(DataError, match="sentence: of 20 pairs 6 are left to test it on"):
        list(align_pair(side, side, few, Aligning(units="sentence", layers=(0,))))
    notes: list[str] = []
    half = Aligning(units="sentence", layers=(0,), test_share=0.8)
    list(align_pair(side, side, same_sentences, half, note=notes.append))
    assert notes == [
        "sentence: 24 pairs are too few to determine a map between spaces of 32 dimensions; what they do not "
        "span is mapped by chance (Procrustes) or to zero (least squares)"
    ]


def test_words_need_a_dictionary(side: Side, same_sentences: Material) -> None:
    with pytest.raises(DataError, match="word: there is no dictionary"):
        list(align_pair(side, side, replace(same_sentences, dictionary=()), Aligning(units="word")))


def test_an_encoder_of_another_depth_is_read_at_the_same_fraction() -> None:
    assert levels_beside(12, 4, None)[::3] == ((0, 0), (3, 1), (6, 2), (9, 3), (12, 4))
    with pytest.raises(DataError, match=r"no layer 5: expected 0 \(the embeddings\) to 4"):
        levels_beside(4, 12, [5])


def speaking(folder: Path, *languages: str) -> tuple[Side, ...]:
    encoder = Encoder.from_pretrained(str(folder), language="any")
    return Side.speaking(languages, "spoken", encoder, load_tokenizers(str(folder)))


def test_an_encoder_with_parts_by_language_is_read_as_the_plain_encoders_of_its_languages(
    spoken: Path, same_sentences: Material
) -> None:
    ours, theirs = speaking(spoken, "aa", "bb")
    options = Aligning(units=("context", "cka"), layers=(0, 4))
    found = list(align_pair(ours, theirs, same_sentences, options, joint=(ours, theirs)))
    one, other = (replace(side, encoder=Encoder(side.encoder.base)) for side in (ours, theirs))
    assert found == list(align_pair(one, other, same_sentences, options, joint=(one, other)))
    values = {(row.condition, row.metric, row.layer): row.value for row in found}
    assert values["joint", "context_retrieval", 4] == values["none", "context_retrieval", 4]
    with pytest.raises(CheckpointError, match="none for 'dd'"):
        speaking(spoken, "dd")


def test_an_encoder_that_reads_all_languages_alike_is_one_side(side: Side) -> None:
    one, other = Side.speaking(("aa", "bb"), "tiny", side.encoder, Tokenizers(side.tokenizer))
    assert one is other
