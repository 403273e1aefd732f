from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.data.formats.lines import read_lines, sent_id_of
from layerlab.data.sentences import Corpus, Sentence, digest_sentences, take_evenly
from layerlab.errors import DataError


def test_annotation_must_cover_every_word() -> None:
    with pytest.raises(DataError, match="1 upos for 2 words"):
        Sentence(("sova", "letí"), upos=("NOUN",))


def test_corpus_counts_its_words() -> None:
    corpus = Corpus((Sentence(("a", "b")), Sentence(("c",))), "0", "here")
    assert corpus.n_words == 3


def test_limit_is_spread_over_the_corpus_and_keeps_the_order() -> None:
    sentences = [Sentence((str(i),)) for i in range(100)]
    taken = [int(s.words[0]) for s in take_evenly(sentences, 10)]
    assert taken == list(range(0, 100, 10))
    assert take_evenly(sentences, 500) == tuple(sentences)
    assert take_evenly(sentences, None) == tuple(sentences)


def test_digest_sees_every_field() -> None:
    plain = Sentence(("ab", "c"))
    variants = [
        plain,
        Sentence(("a", "bc")),
        Sentence(("ab", "c"), upos=("X", "X")),
        Sentence(("ab", "c"), entities=("O", "O")),
        Sentence(("ab", "c"), heads=(0, 1), relations=("root", "dep")),
        Sentence(("ab", "c"), sent_id="1"),
    ]
    assert len({digest_sentences([s]) for s in variants}) == len(variants)
    assert digest_sentences([plain]) == digest_sentences([Sentence(("ab", "c"))])


def test_only_newlines_end_a_line(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("\ufeffа\u2028б\r\nв\x85г\n".encode())
    assert read_lines(file) == ["а\u2028б", "в\x85г", ""]


def test_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "latin1.conllu"
    file.write_bytes(b"first\nsecond \xe9\n")
    with pytest.raises(DataError, match=r"latin1.conllu:2: not UTF-8 \(byte 0xe9\)"):
        read_lines(file)


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "empty.conllu"
    file.write_bytes(content)
    with pytest.raises(DataError, match="the file is empty"):
        read_lines(file)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.conllu: cannot be read"):
        read_lines(tmp_path / "none.conllu")


def test_only_a_sent_id_comment_names_a_sentence() -> None:
    assert sent_id_of("# sent_id = w01/7 b") == "w01/7 b"
    assert sent_id_of("#sent_id=7") == "7"
    assert sent_id_of("# old_sent_id = 7") is None
    assert sent_id_of("# text = sent_id = 7") is None
