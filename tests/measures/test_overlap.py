"""Overlap counts word-pieces as plain sets and lists of them do."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from layerlab.data.pairs import Pair
from layerlab.data.sentences import Sentence
from layerlab.measures.overlap import Overlap, count_pieces, piece_overlap

#: Pieces of a vocabulary; words of them and of a letter that it lacks are cut into them.
PIECES = ("mi", "ra", "to", "##la", "##ra", "##ti", ".", "7")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    special = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")
    vocabulary = {piece: number for number, piece in enumerate((*special, *PIECES))}
    backend = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = Whitespace()
    roles = {f"{name.strip('[]').lower()}_token": name for name in special}
    made = PreTrainedTokenizerFast(tokenizer_object=backend, **roles)  # type: ignore[no-untyped-call]
    folder = tmp_path_factory.mktemp("tokenizer")
    made.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def draw(chance: random.Random, first: tuple[str, ...]) -> list[list[str]]:
    """Invent words as lists of their pieces."""
    rests: tuple[list[str], ...] = ([], ["##la"], ["##ti", "##la"], ["##ra"])
    return [[chance.choice(first), *chance.choice(rests)] for _ in range(30)]


def sentences_of(words: list[list[str]]) -> list[Sentence]:
    spelled = ["".join(piece.strip("#") for piece in word) for word in words]
    return [Sentence(tuple(spelled[start : start + 5])) for start in range(0, len(spelled), 5)]


@pytest.mark.parametrize("seed", range(5))
def test_numbers_are_those_of_plain_sets(seed: int, tokenizer: Any) -> None:
    chance = random.Random(seed)
    source, target = draw(chance, ("mi", "to")), draw(chance, ("ra", "to"))
    found = piece_overlap(*(count_pieces(sentences_of(one), tokenizer) for one in (source, target)))
    ours, theirs = ([piece for word in words for piece in word] for words in (source, target))
    assert found == Overlap(
        shared_pieces=len(set(ours) & set(theirs)) / len(set(ours) | set(theirs)),
        shared_tokens=sum(piece in set(ours) for piece in theirs) / len(theirs),
        n_pieces=len(set(ours) | set(theirs)),
        n_tokens=len(theirs),
    )


def test_special_and_unknown_pieces_do_not_count(tokenizer: Any) -> None:
    counted = count_pieces([Sentence(("mila", "猫", "[SEP]", "."))], tokenizer)
    assert {tokenizer.convert_ids_to_tokens(piece): n for piece, n in counted.items()} == {
        "mi": 1, "##la": 1, ".": 1,
    }  # fmt: skip


def test_a_bare_mark_of_a_space_does_not_count(unigram: Any) -> None:
    counted = count_pieces([Sentence(("mira", "tola"))], unigram)
    assert sorted(unigram.convert_ids_to_tokens(list(counted))) == ["a", "i", "m", "r", "▁tola"]


def test_pairs_are_read_as_text(tokenizer: Any) -> None:
    pairs = [Pair("mila tora .", "mila .", "neutral"), Pair("mila .", "7", "neutral")]
    words = [Sentence(("mila", "tora", ".", "mila", ".", "mila", ".", "7"))]
    assert count_pieces(pairs, tokenizer) == count_pieces(words, tokenizer)


def test_a_text_and_itself_share_all_and_of_nothing_there_is_no_fraction(tokenizer: Any) -> None:
    counted = count_pieces([Sentence(("mila", "tora"))], tokenizer)
    assert piece_overlap(counted, counted) == Overlap(1.0, 1.0, 4, 4)
    nothing = piece_overlap(counted, count_pieces([], tokenizer))
    assert (nothing.shared_pieces, nothing.n_tokens) == (0.0, 0)
    assert math.isnan(nothing.shared_tokens)


def test_long_words_and_sentences_are_read_to_their_ends(tokenizer: Any) -> None:
    counted = count_pieces([Sentence(("mi" + "la" * 45,) + ("7",) * 2000)], tokenizer)
    assert sorted(counted.values()) == [1, 45, 2000]
