from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from layerlab.data.formats.parallel_treebanks import read_parallel
from layerlab.errors import DataError

Write = Callable[[str, str], Path]


def text(**words: str) -> str:
    return "".join(
        f"# sent_id = {name}\n1\t{word}\t_\tNOUN\t_\t_\t0\troot\t_\t_\n\n" for name, word in words.items()
    )


def test_sentences_are_joined_by_name_not_by_order(write: Write) -> None:
    paths = {
        "aa": write("aa.conllu", text(n1="sova", n2="dom")),
        "bb": write("bb.conllu", text(n2="дом", n1="сова")),
    }
    parallel = read_parallel(paths)
    assert [[s.sent_id for s in sentences] for sentences in parallel.values()] == [["n1", "n2"]] * 2
    assert [s.words[0] for s in parallel["bb"]] == ["сова", "дом"]


def test_missing_sentence_is_reported_with_its_language(write: Write) -> None:
    paths = {"aa": write("aa.conllu", text(n1="sova", n2="dom")), "bb": write("bb.conllu", text(n1="сова"))}
    with pytest.raises(DataError, match=r"missing: bb \(.*bb.conllu\) lacks 1: n2"):
        read_parallel(paths)
    assert [s.sent_id for s in read_parallel(paths, partial=True)["aa"]] == ["n1"]


def test_repeated_name_is_refused(write: Write) -> None:
    path = write("aa.conllu", text(n1="sova") + text(n1="dom"))
    with pytest.raises(DataError, match=r"aa: .*aa.conllu: sent_id occurs twice: n1"):
        read_parallel({"aa": path})


def test_sentence_without_name_is_refused(write: Write) -> None:
    path = write("aa.conllu", text(n1="sova").replace("# sent_id = n1\n", ""))
    with pytest.raises(DataError, match="1 of 1 sentences have no # sent_id"):
        read_parallel({"aa": path})


def test_nothing_in_common_is_refused(write: Write) -> None:
    paths = {"aa": write("aa.conllu", text(n1="sova")), "bb": write("bb.conllu", text(m1="сова"))}
    with pytest.raises(DataError, match="no sent_id is common to aa"):
        read_parallel(paths, partial=True)
    with pytest.raises(DataError, match="at least one language"):
        read_parallel({})
