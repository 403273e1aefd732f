"""What stands for a word of several word-pieces: a piece that holds some of it, or the mean of all."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from layerlab.data.sentences import Sentence
from layerlab.models.pieces import blank_pieces, has_blank_pieces, tokenize
from layerlab.tasks.encoding.examples import IGNORED
from layerlab.tasks.heads.words import mean_of_pieces
from layerlab.tasks.task import get_task
from layerlab.tasks.words import WORDS, Word, place_in_word, resolved_word, with_word

SENTENCES = (
    Sentence(
        ("猫", "gatileki", "miraru"),
        upos=("NOUN", "VERB", "ADV"),
        heads=(2, 0, 2),
        relations=("nsubj", "root", "advmod"),
        entities=("O", "O", "O"),
    ),
    Sentence(("tolani", "."), upos=("NOUN", "PUNCT"), heads=(0, 1), relations=("root", "punct")),
)


def brute_places(tokenizer: Any, word: Word) -> list[list[int]]:
    """Return for each word where the piece is that stands for it, by the tokenizer's own words."""
    found = []
    for sentence in SENTENCES:
        places, start = [], 1
        for text in sentence.words:
            pieces = tokenizer.convert_ids_to_tokens(tokenize([text], tokenizer)[0][text])
            content = [at for at, piece in enumerate(pieces) if piece.strip("▁Ġ")] or [0]
            places.append(start + {"first-content": content[0], "last": len(pieces) - 1}.get(word, 0))
            start += len(pieces)
        found.append(places)
    return found


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", ["wordpiece", "unigram", "bpe"])
def test_labels_stand_where_the_word_is_read(word: Word, name: str, request: pytest.FixtureRequest) -> None:
    tokenizer = request.getfixturevalue(name)
    tagging, parsing = (with_word(get_task(task), word) for task in ("upos", "parsing"))
    expected = brute_places(tokenizer, word)
    tags = tagging.encode(SENTENCES, tagging.label_set(SENTENCES), tokenizer, 64).examples
    assert [[at for at, label in enumerate(one.label_ids) if label != IGNORED] for one in tags] == expected
    trees = parsing.encode(SENTENCES, parsing.label_set(SENTENCES), tokenizer, 64).examples
    assert [list(one.words) for one in trees] == expected


def test_unigram_has_words_that_begin_with_nothing(unigram: Any) -> None:
    pieces, _ = tokenize(["猫", "tolani"], unigram)
    blank = blank_pieces(unigram)
    assert any(ids[0] in blank and len(ids) > 1 for ids in pieces.values())
    assert brute_places(unigram, "first") != brute_places(unigram, "first-content")


def test_wordpiece_has_no_blank_pieces_and_unigram_has(wordpiece: Any, unigram: Any) -> None:
    assert not blank_pieces(wordpiece)
    assert not has_blank_pieces(wordpiece.backend_tokenizer.to_str())
    assert blank_pieces(unigram)
    assert has_blank_pieces(unigram.backend_tokenizer.to_str())


@pytest.mark.parametrize("task", ["upos", "parsing"])
def test_a_head_reads_the_mean_of_the_states_of_each_word(task: str, unigram: Any) -> None:
    reader = with_word(get_task(task), "mean")
    encoded = reader.encode(SENTENCES, reader.label_set(SENTENCES), unigram, 64)
    batch = reader.collate(encoded.examples, 0)
    states = torch.randn(*batch["input_ids"].shape, 8, generator=torch.Generator().manual_seed(0))
    pooled = mean_of_pieces(states, batch["spans"])
    for row, sentence in enumerate(SENTENCES):
        start = 1
        for text in sentence.words:
            n = len(tokenize([text], unigram)[0][text])
            torch.testing.assert_close(pooled[row, start], states[row, start : start + n].mean(dim=0))
            start += n
        torch.testing.assert_close(pooled[row, 0], states[row, 0])


@pytest.mark.parametrize("task", ["upos", "ner", "parsing"])
def test_a_head_of_means_begins_with_the_weights_of_the_plain_head(task: str) -> None:
    heads = []
    for word in ("first", "mean"):
        torch.manual_seed(3)
        heads.append(with_word(get_task(task), word).build_head(8, 4, 0.0))
    plain, means = (list(head.parameters()) for head in heads)
    assert all(torch.equal(one, other) for one, other in zip(plain, means, strict=True))
    assert isinstance(heads[1], nn.Module)


def test_what_has_no_words_takes_no_choice() -> None:
    nli = get_task("nli")
    assert with_word(nli, "mean") is nli
    assert resolved_word(nli, "mean", True) == "first"


def test_the_default_is_the_first_piece_where_no_piece_is_blank() -> None:
    upos = get_task("upos")
    assert resolved_word(upos, "first-content", False) == "first"
    assert resolved_word(upos, "first-content", True) == "first-content"
    assert resolved_word(upos, "mean", False) == "mean"


def test_a_word_of_blank_pieces_alone_is_read_by_its_first() -> None:
    assert place_in_word([6, 6], "first-content", {6}) == 0
