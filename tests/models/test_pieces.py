"""Words are cut as they are inside running text, whatever a tokenizer does with spaces."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from layerlab.errors import DataError
from layerlab.models.pieces import needs_space, share_of_unknown, tokenize

WORDS = ["riba", "plava", "ri"]


def metaspace(scheme: str) -> Any:
    return pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=scheme)


# Normaliser, pre-tokeniser, whether a word is written with a space, and the mark of a space in pieces.
KINDS: dict[str, tuple[Any, Any, bool, str]] = {
    "llama": (
        normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None, False, "▁",
    ),
    "gemma": (normalizers.Replace(" ", "▁"), None, True, "▁"),
    "stripped and prepended": (
        normalizers.Sequence([normalizers.Strip(), normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
        None, False, "▁",
    ),
    "metaspace always": (None, metaspace("always"), False, "▁"),
    "metaspace first": (None, metaspace("first"), False, "▁"),
    "metaspace never": (None, metaspace("never"), True, "▁"),
    "xlm-roberta": (
        None, pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace("always")]), False, "▁",
    ),
    "roberta": (None, pre_tokenizers.ByteLevel(add_prefix_space=False), True, "Ġ"),
    "roberta with space": (None, pre_tokenizers.ByteLevel(add_prefix_space=True), False, "Ġ"),
    "bert": (normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), False, ""),
    "whitespace": (None, pre_tokenizers.Whitespace(), False, ""),
}  # fmt: skip


def build(kind: str) -> Any:
    """Build a tokenizer that knows the words above, each also with a space before it."""
    normalizer, pre_tokenizer, _, mark = KINDS[kind]
    vocabulary = ["[UNK]", "[CLS]", "[SEP]", *"ribaplv", "▁", "Ġ"]
    vocabulary += [piece for word in WORDS for piece in (mark + word, word)]
    merges = merges_for([mark + word for word in WORDS] + WORDS)
    pieces = dict.fromkeys([*vocabulary, *("".join(merge) for merge in merges)])
    backend = Tokenizer(
        models.BPE({piece: number for number, piece in enumerate(pieces)}, merges, unk_token="[UNK]")
    )
    if normalizer is not None:
        backend.normalizer = normalizer
    if pre_tokenizer is not None:
        backend.pre_tokenizer = pre_tokenizer
    backend.decoder = decoders.Metaspace()
    made: Any = PreTrainedTokenizerFast
    return made(tokenizer_object=backend, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")


def merges_for(words: list[str]) -> list[tuple[str, str]]:
    """Return merges that build each word from left to right."""
    found = [(word[:end], word[end]) for word in words for end in range(1, len(word))]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("kind", KINDS)
def test_a_word_is_cut_as_inside_running_text(kind: str) -> None:
    tokenizer = build(kind)
    assert needs_space(tokenizer.backend_tokenizer) is KINDS[kind][2]
    pieces, unknown = tokenize(WORDS, tokenizer)
    text = tokenizer.tokenize(f"riba {' '.join(WORDS)}")
    assert tokenizer.convert_ids_to_tokens([one for word in WORDS for one in pieces[word]]) == text[-3:]
    assert unknown == frozenset()


@pytest.mark.parametrize("kind", KINDS)
def test_words_of_which_no_part_is_known_are_counted(kind: str) -> None:
    tokenizer = build(kind)
    assert share_of_unknown(tokenizer, ["riba", "猫", "riba", "猫猫"]) == 0.5
    assert share_of_unknown(tokenizer, []) == 0.0


def test_half_a_character_is_an_error_with_the_word(wordpiece: Any) -> None:
    with pytest.raises(DataError, match=r"'riba\\ud83d' holds a lone surrogate \(U\+D83D\)"):
        tokenize(["sova", "riba\ud83d"], wordpiece)
