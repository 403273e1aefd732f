from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from layerlab.pretraining.text.tokenizer import train_tokenizer
from layerlab.pretraining.text.unigram import SPECIAL_TOKENS

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


MANY = {
    "en": [f"the {word} saw {other} river" for word in ("tall", "taller", "walked") for other in "ab"],
    "ja": ["ともはかわをみた。かわはみず", "水はかわ"] * 5,
    "ru": ["старый старик видел старую реку", "новая река"] * 5,
}
UNIGRAM = """
import json, sys
from layerlab.pretraining.text.tokenizer import train_tokenizer
texts = json.loads(sys.argv[1])
print(train_tokenizer(texts, 90, alphabet=60, kind="unigram").backend_tokenizer.to_str())
"""


@pytest.fixture(scope="module")
def unigram() -> PreTrainedTokenizerFast:
    return train_tokenizer(MANY, 90, alphabet=60, kind="unigram", max_length=32)


def test_unigram_gives_back_the_text_and_frames_it(unigram: PreTrainedTokenizerFast) -> None:
    assert unigram.convert_ids_to_tokens(list(range(5))) == list(SPECIAL_TOKENS)
    ids = unigram("the old river", "new")["input_ids"]
    assert [ids[0], ids[-1], ids.count(3)] == [2, 3, 2]
    assert unigram.decode(unigram("walked новая")["input_ids"], skip_special_tokens=True) == "walked новая"


def test_unigram_pieces_know_their_words(unigram: PreTrainedTokenizerFast) -> None:
    encoded = unigram(["walked", "видел", "みた"], is_split_into_words=True)
    assert sorted({word for word in encoded.word_ids() if word is not None}) == [0, 1, 2]


def test_unigram_keeps_to_its_size_and_alphabet() -> None:
    small = train_tokenizer({"x": ["aaaa bbbb cc"] * 5}, 40, alphabet=3, kind="unigram")
    assert len(small) <= 40
    assert small.unk_token_id in small("c")["input_ids"]
    assert small.unk_token_id not in small("ab")["input_ids"]


def test_two_processes_train_one_unigram_vocabulary() -> None:
    command = [sys.executable, "-c", UNIGRAM, json.dumps(MANY)]
    one, other = (subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2))
    assert one == other


def test_a_unigram_tokenizer_is_read_back(unigram: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    unigram.save_pretrained(tmp_path)
    text = "the taller старик 水 みた"
    assert AutoTokenizer.from_pretrained(tmp_path)(text)["input_ids"] == unigram(text)["input_ids"]
