from __future__ import annotations

import random
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layerlab.data.sentences import Sentence
from layerlab.errors import CheckpointError, DataError
from layerlab.models.pieces import needs_space, special_tokens
from layerlab.tasks.encoding import tokenize
from layerlab.tasks.encoding.windows import encode_words, windows
from layerlab.tasks.task import IGNORED, Encoded

VOCABULARY = [
    "mira",
    "pesarunagatileki",
    "Бела",
    "песаруна",
    "猫",
    "が",
    "10 000",
    ".",
    "\u200b",
    "\u0301",
    "[SEP]",
]


def encode(rows: list[list[str]], tokenizer: Any, max_length: int = 64) -> Encoded:
    sentences = [Sentence(tuple(row)) for row in rows]
    return encode_words(sentences, [list(range(len(row))) for row in rows], tokenizer, max_length)


def labelled(encoded: Encoded) -> list[tuple[int, int]]:
    """Return (sentence, word) of every labelled position; the label of a word here is its index."""
    found: list[tuple[int, int]] = []
    for example in encoded.examples:
        assert len(example.input_ids) == len(example.label_ids)
        ids = [label for label in example.label_ids if label != IGNORED]
        assert ids == list(example.words)
        found.extend((example.sentence, word) for word in ids)
    return found


@given(st.lists(st.integers(1, 20), max_size=60), st.integers(1, 40))
def test_windows_label_every_word_once_and_never_overflow(lengths: list[int], room: int) -> None:
    lengths = [min(length, room) for length in lengths]
    cut = windows(lengths, room)
    assert [word for w in cut for word in range(w.first, w.last)] == list(range(len(lengths)))
    for window in cut:
        assert 0 <= window.start <= window.first < window.last <= window.end <= len(lengths)
        assert sum(lengths[window.start : window.end]) <= room


@given(st.integers(1, 200), st.integers(8, 64))
def test_windows_give_words_context_where_there_is_any(n_words: int, room: int) -> None:
    for window in windows([1] * n_words, room):
        assert window.first - window.start >= min(window.first, room // 4)
        assert window.end - window.last >= min(n_words - window.last, room // 4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(st.sampled_from(VOCABULARY), max_size=30), max_size=4),
    max_length=st.integers(3, 24),
)
@pytest.mark.parametrize("name", ["wordpiece", "bpe"])
def test_every_word_is_labelled_exactly_once(
    name: str, rows: list[list[str]], max_length: int, request: pytest.FixtureRequest
) -> None:
    encoded = encode(rows, request.getfixturevalue(name), max_length)
    assert sorted(labelled(encoded)) == [(s, w) for s, row in enumerate(rows) for w in range(len(row))]
    assert all(len(example.input_ids) <= max_length for example in encoded.examples)
    assert encoded.n_words == sum(map(len, rows))


@pytest.mark.parametrize("name", ["wordpiece", "bpe_with_space"])
def test_pieces_are_those_of_the_tokenizer_and_labels_on_the_first_of_a_word(
    name: str, request: pytest.FixtureRequest
) -> None:
    tokenizer = request.getfixturevalue(name)
    words = ["mira", "pesarunagatileki", "Бела", "猫", "10 000", "."]
    (example,) = encode([words], tokenizer).examples
    expected = tokenizer(words, is_split_into_words=True)
    assert list(example.input_ids) == expected["input_ids"]
    owners = expected.word_ids()
    firsts = [i for i, w in enumerate(owners) if w is not None and w != owners[i - 1]]
    assert [i for i, label in enumerate(example.label_ids) if label != IGNORED] == firsts


def test_byte_level_words_get_the_space_of_running_text(bpe: Any, bpe_with_space: Any) -> None:
    assert needs_space(bpe.backend_tokenizer)
    assert not needs_space(bpe_with_space.backend_tokenizer)
    rows = [["mira", "tola", "猫", "Бела"]]
    assert bpe.get_vocab() == bpe_with_space.get_vocab()
    assert encode(rows, bpe).examples == encode(rows, bpe_with_space).examples
    pieces, _ = tokenize(["mira"], bpe)
    assert bpe.convert_ids_to_tokens(pieces["mira"])[0].startswith("Ġ")


def test_wordpiece_needs_no_space(wordpiece: Any) -> None:
    assert not needs_space(wordpiece.backend_tokenizer)


@pytest.mark.parametrize("nothing", ["\u200b", "\u200d", "\u00ad"])
def test_word_that_yields_no_pieces_gets_the_unknown_token(wordpiece: Any, nothing: str) -> None:
    encoded = encode([["mira", nothing, "tola"], [nothing]], wordpiece)
    first, second = encoded.examples
    assert wordpiece.unk_token_id in first.input_ids
    assert second.input_ids == (wordpiece.cls_token_id, wordpiece.unk_token_id, wordpiece.sep_token_id)
    assert labelled(encoded) == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert encoded.n_unknown == 2


def test_name_of_a_special_token_in_a_corpus_is_text(wordpiece: Any) -> None:
    (example,) = encode([["[SEP]"]], wordpiece).examples
    assert example.input_ids.count(wordpiece.sep_token_id) == 1


def test_word_longer_than_a_window_keeps_its_first_pieces(wordpiece: Any) -> None:
    word = "pesaruna" * 12
    encoded = encode([["mira", word, "tola"]], wordpiece, max_length=10)
    assert sorted(labelled(encoded)) == [(0, 0), (0, 1), (0, 2)]
    assert max(len(example.input_ids) for example in encoded.examples) == 10
    pieces, _ = tokenize([word], wordpiece)
    assert any(example.input_ids[1:-1] == pieces[word][:8] for example in encoded.examples)


def test_words_outside_the_first_window_are_counted(wordpiece: Any) -> None:
    encoded = encode([["."] * 20, ["."] * 5], wordpiece, max_length=10)
    assert encoded.n_windowed == 20 - len(encoded.examples[0].words)
    assert encode([["."] * 8], wordpiece, max_length=10).n_windowed == 0


def test_stored_truncation_of_a_tokenizer_cuts_nothing_and_is_left_as_it_was(wordpiece: Any) -> None:
    backend = wordpiece.backend_tokenizer
    backend.enable_truncation(max_length=3)
    backend.enable_padding(length=3)
    try:
        assert len(encode([["pesarunagatileki"] * 3], wordpiece).examples[0].input_ids) > 5
        assert backend.truncation["max_length"] == 3
        assert backend.padding["length"] == 3
    finally:
        backend.no_truncation()
        backend.no_padding()


def test_ends_of_a_sentence_are_cls_and_sep_or_bos_and_eos(bpe: Any, bos_eos: Any) -> None:
    assert special_tokens(bpe) == ((bpe.cls_token_id,), (bpe.sep_token_id,))
    assert bos_eos.cls_token_id is None
    assert special_tokens(bos_eos) == ((bos_eos.bos_token_id,), (bos_eos.eos_token_id,))


def test_tokenizers_that_cannot_serve_are_refused(bos_eos: Any) -> None:
    class Slow:
        cls_token_id = sep_token_id = 1

    with pytest.raises(CheckpointError, match="Slow is not a fast tokenizer"):
        encode([["mira"]], Slow())

    class Bare:
        cls_token_id = sep_token_id = bos_token_id = eos_token_id = None

    with pytest.raises(CheckpointError, match="Bare has no special tokens for the ends"):
        encode([["mira"]], Bare())


def test_length_without_room_for_words_is_refused(wordpiece: Any) -> None:
    with pytest.raises(DataError, match="max_length 2 leaves no room"):
        encode([["mira"]], wordpiece, max_length=2)


def test_encoding_a_large_treebank_takes_seconds(wordpiece: Any) -> None:
    stream = random.Random(0)
    words = ["".join(stream.choices("miratolpesgkunМБ", k=stream.randint(1, 9))) for _ in range(20_000)]
    rows = [stream.choices(words, k=16) for _ in range(12_500)]
    started = time.monotonic()
    encoded = encode(rows, wordpiece, 128)
    assert encoded.n_words == 200_000
    assert time.monotonic() - started < 20  # about 1.5 s on an idle core; generous for a busy one
