from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from layerlab.pretraining.tokenizer import SPECIAL_TOKENS, train_tokenizer

TEXTS = {
    "en": ["Tomas saw the Élan river . tomas saw it"] * 20,
    "ja": ["ともはかわをみた。かわはみず"] * 20,
    "zh": ["河水很清山很高"] * 20,
}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, 120, alphabet=60, max_length=32)


def test_case_and_accents_stay(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.tokenize("Tomas tomas Élan") == ["Tomas", "tomas", "Élan"]


def test_lower_casing_is_there_on_demand() -> None:
    assert train_tokenizer(TEXTS, 120, alphabet=60, lowercase=True).tokenize("TOMAS Élan") == [
        "tomas",
        "elan",
    ]


def test_ideographs_stand_alone_and_kana_is_cut_without_spaces(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.tokenize("河水很") == ["河", "水", "很"]
    pieces = tokenizer.tokenize("みずはかわ")
    assert "".join(piece.removeprefix("##") for piece in pieces) == "みずはかわ"
    assert len(pieces) > 1


def test_special_tokens_come_first_and_frame_a_text(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.convert_ids_to_tokens(list(range(5))) == list(SPECIAL_TOKENS)
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("saw it", "saw")["input_ids"])
    assert tokens == ["[CLS]", "saw", "it", "[SEP]", "saw", "[SEP]"]


def test_rare_characters_outside_the_alphabet_are_unknown() -> None:
    small = train_tokenizer({"x": ["aaaa bbbb cc"] * 5}, 40, alphabet=2)
    assert small.tokenize("ab c") == ["a", "##b", "[UNK]"]


def test_two_trainings_give_one_vocabulary() -> None:
    again = [train_tokenizer(TEXTS, 120, alphabet=60).get_vocab() for _ in range(2)]
    assert again[0] == again[1]


def test_autotokenizer_reads_it_back(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    back = AutoTokenizer.from_pretrained(tmp_path)
    text = "Tomas saw 河水 みずは"
    assert back(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert back.is_fast
    assert back.model_max_length == 32
    assert set(back(text)) == {"input_ids", "attention_mask"}
