from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from layerlab.data.formats.conllu import UPOS, read_conllu
from layerlab.errors import DataError

Write = Callable[[str, str], Path]


def line(index: str, form: str, upos: str = "NOUN", head: str = "0", relation: str = "root") -> str:
    return "\t".join([index, form, "_", upos, "_", "_", head, relation, "_", "_"])


def test_words_tree_and_names_are_read(write: Write, tree_text: str) -> None:
    first, second = read_conllu(write("a.conllu", tree_text))
    assert first.words == ("De", "les", "loutres", "ont", "10 000", "амиго")
    assert first.upos == ("ADP", "DET", "NOUN", "VERB", "NUM", "NOUN")
    assert first.heads == (3, 3, 4, 0, 6, 4)
    assert first.relations[2] == "nsubj:pass"
    assert (first.sent_id, second.sent_id) == ("zoo-1", "zoo-2")
    assert second.words == ("猫", "が", "飛ぶ")
    assert first.entities == ()


def test_last_sentence_needs_no_empty_line_and_windows_ends_are_fine(write: Write) -> None:
    path = write("a.conllu", line("1", "a") + "\r\n\r\n" + line("1", "b"))
    assert [s.words for s in read_conllu(path)] == [("a",), ("b",)]


def test_name_of_one_sentence_is_not_given_to_the_next(write: Write) -> None:
    path = write("a.conllu", f"# sent_id = x\n{line('1', 'a')}\n\n{line('1', 'b')}\n\n")
    assert [s.sent_id for s in read_conllu(path)] == ["x", ""]


def test_sentence_without_tree_has_no_heads(write: Write) -> None:
    path = write("a.conllu", line("1", "a", head="_", relation="_") + "\n\n")
    assert read_conllu(path)[0].heads == ()


def test_wrong_number_of_columns_names_file_and_line(write: Write) -> None:
    path = write("broken.conllu", f"# c\n{line('1', 'a')}\n2\tb\t_\tNOUN\n")
    with pytest.raises(DataError, match=r"broken.conllu:3: expected 10 tab-separated columns, got 4"):
        read_conllu(path)


def test_spaces_instead_of_tabs_are_refused(write: Write) -> None:
    path = write("broken.conllu", line("1", "a").replace("\t", "  "))
    with pytest.raises(DataError, match=r":1: expected 10 tab-separated columns, got 1"):
        read_conllu(path)


def test_unknown_tag_names_file_line_and_the_known_ones(write: Write) -> None:
    path = write("broken.conllu", f"{line('1', 'a')}\n{line('2', 'b', 'NUON', '1')}\n")
    with pytest.raises(
        DataError, match=r"broken.conllu:2: unknown UPOS tag 'NUON'; did you mean 'NOUN'"
    ) as e:
        read_conllu(path)
    assert all(tag in str(e.value) for tag in UPOS)
    assert len(UPOS) == 17


@pytest.mark.parametrize("head", ["3", "x", "-1", "_", "2"])
def test_impossible_head_is_refused(write: Write, head: str) -> None:
    path = write("broken.conllu", f"{line('1', 'a')}\n{line('2', 'b', 'NOUN', head)}\n")
    with pytest.raises(DataError, match=rf"broken.conllu:2: head '{head}' of word 2.*has 2 words"):
        read_conllu(path)


@pytest.mark.parametrize("index", ["3", "one", "", "1-"])
def test_word_numbers_must_follow_each_other(write: Write, index: str) -> None:
    path = write("broken.conllu", f"{line('1', 'a')}\n{line(index, 'b', 'NOUN', '1')}\n")
    with pytest.raises(DataError, match=rf":2: expected word number 2, got '{index}'"):
        read_conllu(path)


def test_file_of_comments_is_refused(write: Write) -> None:
    with pytest.raises(DataError, match="no sentence in the file"):
        read_conllu(write("a.conllu", "# sent_id = 1\n\n"))


def test_empty_form_is_refused(write: Write) -> None:
    with pytest.raises(DataError, match=r":1: the form \(column 2\) is empty"):
        read_conllu(write("a.conllu", line("1", "")))
