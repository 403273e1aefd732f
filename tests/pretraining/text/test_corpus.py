from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.errors import DataError
from layerlab.pretraining.material import language_paragraphs
from layerlab.pretraining.spec import PretrainingSpec
from layerlab.pretraining.text.corpus import (
    check_corpora,
    encode,
    hold_out,
    pack,
    read_paragraphs,
)
from layerlab.pretraining.text.tokenizer import train_tokenizer


def test_text_is_read_by_paragraph_plain_or_compressed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\n two \n", encoding="utf-8")
    with lzma.open(tmp_path / "a.txt.xz", "wt", encoding="utf-8") as file:
        file.write("one\ntwo\n")
    assert list(read_paragraphs(tmp_path / "a.txt")) == ["one", "two"]
    assert list(read_paragraphs(tmp_path / "a.txt.xz")) == ["one", "two"]


def test_dropped_ids_take_what_is_below_them_and_nothing_else(tmp_path: Path) -> None:
    rows = ["Ps.1.1\ta", "Psx.1.1\tb", "Gen.3.1\tc", "Gen.30.1\td", "Gen.4.2\te"]
    (tmp_path / "v.tsv").write_text("\n".join(rows), encoding="utf-8")
    assert list(read_paragraphs(tmp_path / "v.tsv", ["Ps", "Gen.3", "Gen.4.2"])) == ["b", "d"]


def test_a_line_without_a_tab_is_reported_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "v.tsv").write_text("Gen.1.1\tone\nGen.1.2 two\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"v\.tsv:2: expected id TAB text, got 1 columns"):
        list(read_paragraphs(tmp_path / "v.tsv"))


def test_every_missing_or_unreadable_file_is_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("text", encoding="utf-8")
    corpora = {"en": [tmp_path / "em.txt"], "de": [tmp_path / "de.json"]}
    with pytest.raises(DataError, match=r"did you mean 'en\.txt'") as caught:
        check_corpora(corpora)
    assert "de.json: expected .txt, .txt.xz, .tsv or .tsv.xz" in str(caught.value)


def test_a_language_without_text_is_an_error(spec: PretrainingSpec) -> None:
    everything = spec.model_copy(update={"drop": {"xb": ("Abc",)}})
    with pytest.raises(DataError, match="xb: no text in"):
        language_paragraphs(everything, "xb")


@given(st.lists(st.integers(5, 90), min_size=1, max_size=60), st.integers(2, 20))
def test_packing_loses_no_token_and_wastes_less_than_a_sequence(tokens: list[int], length: int) -> None:
    packed = pack(np.array(tokens, dtype=np.int32), length, first=2, filler=3)
    assert (packed[:, 0] == 2).all()
    assert packed[:, 1:].ravel()[: len(tokens)].tolist() == tokens
    rest = packed[:, 1:].ravel()[len(tokens) :]
    assert len(rest) < length
    assert (rest == 3).all()


def test_paragraphs_are_parted_by_the_separator_and_nothing_is_cut() -> None:
    texts = ["aba ab", "ba " * 400]
    tokenizer = train_tokenizer({"x": texts}, 20, alphabet=5, max_length=8)
    stream = encode(texts, tokenizer)
    first, second, after = np.split(stream, np.flatnonzero(stream == tokenizer.sep_token_id) + 1)
    assert tokenizer.decode(first[:-1]) == "aba ab"
    assert tokenizer.decode(second[:-1]) == texts[1].strip()
    assert len(after) == 0


def test_held_out_sequences_are_spread_and_apart_from_training() -> None:
    sequences = np.arange(40, dtype=np.int32).reshape(20, 2)
    packed = hold_out(sequences, 3, "en")
    assert packed.held_out[:, 0].tolist() == [10, 20, 28]
    assert sorted([*packed.train[:, 0], *packed.held_out[:, 0]]) == sequences[:, 0].tolist()


def test_too_little_text_to_hold_out_is_an_error() -> None:
    with pytest.raises(DataError, match="tr: 3 packed sequences, too few to hold out 2"):
        hold_out(np.zeros((3, 4), dtype=np.int32), 2, "tr")
