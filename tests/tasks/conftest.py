"""Tiny tokenizers, trained on invented words, saved and loaded as pretrained ones are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import BertWordPieceTokenizer, ByteLevelBPETokenizer
from transformers import AutoTokenizer, BertTokenizer, PreTrainedTokenizerFast, RobertaTokenizer

TEXT = [
    "mira tola pesaruna gatileki Bela . ,",
    "мира тола песаруна гатилеки Бела .",
    "猫 が 飛 ぶ 東 都",
    "miraru tolani lekipesa gati 10 000",
    # Every letter occurs inside a word, so that no word of these letters is unknown.
    "xabcdefghijklmnopqrstuvwxyz хабвгдежзийклмнопрстуфхцчшщъыьэюя",
]


def reload(tokenizer: Any, folder: Path) -> Any:
    tokenizer.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="session")
def wordpiece(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cased WordPiece tokenizer like mBERT's."""
    trained = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    trained.train_from_iterator(TEXT * 5, vocab_size=170, min_frequency=1, show_progress=False)
    tokenizer = BertTokenizer(tokenizer_object=trained._tokenizer, do_lower_case=False)
    return reload(tokenizer, tmp_path_factory.mktemp("wordpiece"))


def byte_level(folder: Path, *, add_prefix_space: bool) -> Any:
    trained = ByteLevelBPETokenizer(add_prefix_space=True)
    trained.train_from_iterator(
        TEXT * 5, vocab_size=330, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False
    )
    trained.save_model(str(folder))
    tokenizer = RobertaTokenizer.from_pretrained(folder, add_prefix_space=add_prefix_space)
    return reload(tokenizer, folder)


@pytest.fixture(scope="session")
def bpe(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A byte-level BPE tokenizer like RoBERTa's, which puts no space before a text by itself."""
    return byte_level(tmp_path_factory.mktemp("bpe"), add_prefix_space=False)


@pytest.fixture(scope="session")
def bpe_with_space(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same tokenizer, told to put a space before every word."""
    return byte_level(tmp_path_factory.mktemp("bpe-space"), add_prefix_space=True)


@pytest.fixture(scope="session")
def bos_eos(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tokenizer with the begin and end tokens of language models instead of CLS and SEP."""
    trained = BertWordPieceTokenizer(lowercase=False)
    trained.train_from_iterator(TEXT * 5, vocab_size=170, min_frequency=1, show_progress=False)
    make: Any = PreTrainedTokenizerFast
    tokenizer = make(
        tokenizer_object=trained._tokenizer, bos_token="[CLS]", eos_token="[SEP]", unk_token="[UNK]"
    )
    return reload(tokenizer, tmp_path_factory.mktemp("bos"))
