"""Words and gold trees, from every reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.data.catalog.corpus import DataSpec, find_corpus
from layerlab.data.checks import check_text, check_trees, tree_fault
from layerlab.data.sentences import Sentence
from layerlab.errors import DataError
from layerlab.tasks.corpora import check_labels
from layerlab.tasks.task import get_task

Write = Callable[[str, str], Path]
TREES = ("conllu",)


def to_conllu(*sentences: list[int]) -> str:
    """Write sentences with given heads."""
    return "\n".join(
        "".join(
            f"{number}\tw{number}\t_\tNOUN\t_\t_\t{head}\t{'dep' if head else 'root'}\t_\t_\n"
            for number, head in enumerate(heads, 1)
        )
        for heads in sentences
    )


@given(st.lists(st.integers(-1, 6), min_size=1, max_size=5))
def test_a_tree_is_what_leads_from_every_word_to_the_one_root(heads: list[int]) -> None:
    def leads_to_root(word: int) -> bool:
        for _ in range(len(heads) + 1):
            if word == 0:
                return True
            if not 0 <= heads[word - 1] <= len(heads):
                return False
            word = heads[word - 1]
        return False

    is_tree = heads.count(0) == 1 and all(leads_to_root(word) for word in range(1, len(heads) + 1))
    assert (tree_fault(heads) == "") == is_tree


@pytest.mark.parametrize(
    ("heads", "fault"),
    [
        ([2, 3, 2, 0], r"a cycle \(words 2, 3\)"),
        ([0, 1, 0], r"2 roots \(words 1, 3\)"),
        ([2, 1], "no root"),
    ],
)
def test_gold_that_is_no_tree_is_refused_for_parsing_alone(
    write: Write, tmp_path: Path, heads: list[int], fault: str
) -> None:
    good = [2, 0]
    for split in ("train", "dev", "test"):
        write(f"aa/{split}.conllu", to_conllu(good))
    write("aa/test.conllu", to_conllu(good, heads))
    write("bb/train.conllu", to_conllu(good, heads))
    spec = DataSpec(root=tmp_path)
    for task in ("upos", "parsing"):
        train, test, broken = (
            find_corpus(spec, task, TREES, language, split)
            for language, split in (("aa", "train"), ("aa", "test"), ("bb", "train"))
        )
        for problems in (
            check_labels(get_task(task), [train], [test]).problems,
            check_labels(get_task(task), [broken], []).problems,
        ):
            assert len(problems) == (task == "parsing")
    with pytest.raises(
        DataError, match=rf"test.conllu:4: {fault}; expected a tree: .* 1 of 2 sentences are no trees"
    ):
        get_task("parsing").check(
            [
                Sentence(("a",), heads=(0,), relations=("root",)),
                Sentence(tuple("abcd")[: len(heads)], (), tuple(heads), ("dep",) * len(heads), place=":4"),
            ],
            ("dep", "root"),
            "test.conllu",
        )


@pytest.mark.parametrize("relation", ["", "nsubj ", None])
def test_a_relation_that_is_no_text_is_no_tree(relation: str) -> None:
    sentence = Sentence(("a",), heads=(0,), relations=(relation,), sent_id="s1")
    with pytest.raises(DataError, match=rf"here, sentence 1 \(s1\): relation {relation!r} of word 1"):
        check_trees([sentence], "here")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, r"no word \(None\)"),
        (7, "the word is int '7'"),
        ("", "the word is empty"),
        ("a\udfff", r"a lone surrogate \(U\+DFFF\): 'a\\udfff'"),
        ("\0", "the character NUL"),
    ],
)
def test_a_word_is_whole_text(value: object, message: str) -> None:
    with pytest.raises(DataError, match=f"a.iob2:3: .*{message}"):
        check_text(value, "word", "a.iob2:3")
