"""Attachment scores against a scorer of CoNLL-U files written from the definition."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from layerlab.data.formats.conllu import read_conllu
from layerlab.errors import LabelError
from layerlab.tasks.metrics.attachment import attachment_scores, universal
from layerlab.tasks.parsing import Parsing

Score = Callable[[Path, Path], dict[str, float]]
Write = Callable[[str, list[list[tuple[int, str]]]], Path]
RELATIONS = [
    "nsubj",
    "nsubj:pass",
    "obl",
    "obl:tmod",
    "punct",
    "case",
    "det",
    "aux:pass",
    "advmod",
    "dep",
    "xyz",
]


def random_trees(seed: int) -> list[list[tuple[int, str]]]:
    stream = random.Random(seed)
    trees = []
    for _ in range(30):
        n_words = stream.randint(2, 8)
        root = stream.randint(1, n_words)
        tree = [(stream.choice([h for h in range(1, n_words + 1) if h != w]), stream.choice(RELATIONS))
                for w in range(1, n_words + 1)]  # fmt: skip
        tree[root - 1] = (0, "root")
        trees.append(tree)
    return trees


@pytest.mark.parametrize("seed", range(10))
def test_scores_are_those_of_an_independent_scorer_of_files(
    seed: int, conll_scorer: Score, write_trees: Write
) -> None:
    gold, stream = random_trees(seed), random.Random(-seed)
    noise = [[(stream.randint(0, len(tree)), stream.choice(RELATIONS)) for _ in tree] for tree in gold]
    mixed = [
        [
            (head if stream.random() < 0.6 else other, relation if stream.random() < 0.7 else another)
            for (head, relation), (other, another) in zip(tree, wrong, strict=True)
        ]
        for tree, wrong in zip(gold, noise, strict=True)
    ]
    expected = conll_scorer(write_trees("gold.conllu", gold), write_trees("system.conllu", mixed))
    counts = attachment_scores(gold, mixed)
    assert counts.uas == pytest.approx(expected["uas"])
    assert counts.las == pytest.approx(expected["las"])
    assert counts.clas == pytest.approx(expected["clas"])
    assert 0 < counts.clas < 1
    assert len({counts.uas, counts.las, counts.clas}) == 3


def test_subtypes_are_not_compared_and_punctuation_counts() -> None:
    gold = [[(2, "nsubj:pass"), (0, "root"), (2, "punct")]]
    counts = attachment_scores(gold, [[(2, "nsubj:outer"), (0, "root"), (1, "punct")]])
    assert (counts.uas, counts.las, counts.clas) == (2 / 3, 2 / 3, 1.0)
    assert (counts.n_words, counts.n_content) == (3, 2)


def test_a_content_relation_too_many_lowers_clas() -> None:
    gold = [[(2, "case"), (0, "root")]]
    assert attachment_scores(gold, [[(2, "nmod"), (0, "root")]]).clas == pytest.approx(2 / 3)


def test_words_that_were_given_up_are_wrong() -> None:
    gold = [[(2, "nsubj"), (0, "root"), (2, "obj"), (2, "punct")]]
    counts = attachment_scores(gold, [[(2, "nsubj"), (0, "root"), None, None]])
    assert (counts.uas, counts.las, counts.clas) == (0.5, 0.5, 4 / 5)


def test_no_words_score_zero() -> None:
    assert attachment_scores([], []).las == attachment_scores([], []).clas == 0.0


def test_unequal_sentences_are_refused() -> None:
    with pytest.raises(LabelError, match="1 gold sentences, but 0 predicted"):
        attachment_scores([[(0, "root")]], [])
    with pytest.raises(LabelError, match="sentence 0: 1 gold arcs, but 2 predicted words"):
        attachment_scores([[(0, "root")]], [[(0, "root"), (1, "dep")]])


@pytest.mark.data
@pytest.mark.parametrize("language", ["en", "cs", "ja"])
def test_a_real_treebank_scores_one_by_itself_and_less_by_chains(
    data_root: Path, conll_scorer: Score, tmp_path: Path, language: str
) -> None:
    gold, chains = data_root / "ud" / language / "test.conllu", tmp_path / "chains.conllu"
    rows = [line.split("\t") for line in gold.read_text(encoding="utf-8").split("\n")]
    for row in rows:
        if row[0].isdecimal():
            row[6] = str(int(row[0]) - 1)
    chains.write_text("\n".join("\t".join(row) for row in rows), encoding="utf-8")
    sentences, parsing = read_conllu(gold), Parsing()
    labels = parsing.label_set(sentences)
    assert len(labels) <= 37
    for path in (gold, chains):
        decoded = [
            (index, word, head, labels.index(universal(relation)))
            for index, s in enumerate(read_conllu(path))
            for word, (head, relation) in enumerate(zip(s.heads, s.relations, strict=True))
        ]
        scores = {score.metric: score for score in parsing.score(sentences, labels, decoded)}
        values = {name: score.value for name, score in scores.items()}
        assert values == pytest.approx(conll_scorer(gold, path))
        assert (set(values.values()) == {1.0}) == (path == gold)
        assert scores["las"].n == scores["uas"].n == sum(len(s.words) for s in sentences)
