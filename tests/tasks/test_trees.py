"""Maximum spanning trees against all trees there are, and against networkx on longer sentences."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from layerlab.errors import TrainingError
from layerlab.tasks.trees import Heads, Scores, are_trees, best_tree, best_trees


def leads_to_root(heads: tuple[int, ...]) -> bool:
    for word in range(1, len(heads) + 1):
        for _ in heads:
            word = heads[word - 1] if word else 0
        if word:
            return False
    return True


@functools.cache
def all_trees(n_words: int) -> Heads:
    """Return every single-rooted tree of a sentence, ``(trees, words)``."""
    choices = itertools.product(range(n_words + 1), repeat=n_words)
    return np.array([heads for heads in choices if heads.count(0) == 1 and leads_to_root(heads)])


def total(scores: Scores, heads: Heads) -> Any:
    return scores[np.arange(len(scores)), heads].sum(axis=-1)


@pytest.mark.parametrize("n_words", range(1, 7))
def test_best_tree_is_the_best_of_all_trees(n_words: int) -> None:
    trees = all_trees(n_words)
    assert len(trees) == n_words ** (n_words - 1)  # Cayley's formula, with the choice of the root
    stream = np.random.default_rng(n_words)
    for _ in range(400):
        scores = stream.normal(size=(n_words, n_words + 1)) * 10 ** stream.uniform(-3, 3)
        scores[:, 0] += stream.choice([-10, 0, 10])  # seldom a root, or every word one
        expected = trees[total(scores, trees).argmax()]
        assert best_tree(scores).tolist() == expected.tolist()
        assert best_trees(scores[None], [n_words])[0].tolist() == expected.tolist()


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 5).flatmap(lambda n: arrays(np.float64, (n, n + 1), elements=st.integers(-2, 2))))
def test_of_equally_good_trees_one_is_found(scores: Scores) -> None:
    trees = all_trees(len(scores))
    heads = best_trees(scores[None], [len(scores)])[0]
    assert heads.tolist() in trees.tolist()
    assert total(scores, heads) == total(scores, trees).max()


@pytest.mark.parametrize("n_words", [9, 15])
def test_longer_sentences_have_the_tree_that_networkx_finds(n_words: int) -> None:
    networkx: Any = pytest.importorskip("networkx")
    scores = np.random.default_rng(n_words).normal(size=(n_words, n_words + 1))
    found = []
    for root in range(1, n_words + 1):
        graph = networkx.DiGraph()
        graph.add_edge(0, root, weight=scores[root - 1, 0])
        for head, word in itertools.permutations(range(1, n_words + 1), 2):
            graph.add_edge(head, word, weight=scores[word - 1, head])
        found.append(networkx.maximum_spanning_arborescence(graph).size(weight="weight"))
    assert total(scores, best_tree(scores)) == pytest.approx(max(found))


def test_long_chains_of_cycles_end() -> None:
    n_words = 300
    scores = -np.abs(np.arange(1, n_words + 1)[:, None] - np.arange(n_words + 1)[None, :]).astype(float)
    scores[:, 0] = -1e4
    heads = best_tree(scores)
    assert are_trees(heads[None], np.ones((1, n_words), dtype=bool)).all()
    assert total(scores, heads) == -1e4 - (n_words - 1)


def test_a_batch_has_the_trees_of_its_sentences_whatever_the_padding() -> None:
    stream = np.random.default_rng(3)
    lengths = [7, 1, 4, 12, 2]
    scores = stream.normal(size=(5, 12, 13)).astype(np.float32)
    alone = [best_tree(scores[row, :n, : n + 1]).tolist() for row, n in enumerate(lengths)]
    for row, n in enumerate(lengths):
        scores[row, n:], scores[row, :, n + 1 :] = np.nan, np.inf
    together = best_trees(scores, lengths)
    assert [together[row, :n].tolist() for row, n in enumerate(lengths)] == alone
    assert all(not together[row, n:].any() for row, n in enumerate(lengths))


def test_trees_are_told_from_graphs_with_cycles_or_several_roots() -> None:
    heads = np.array([[2, 0, 2, 3], [2, 1, 0, 3], [0, 0, 2, 3], [2, 3, 4, 1], [0, 1, 0, 0]])
    real = np.array([[True] * 4] * 4 + [[True, True, False, False]])
    assert are_trees(heads, real).tolist() == [True, False, False, False, True]


def test_scores_of_a_broken_model_are_refused() -> None:
    with pytest.raises(TrainingError, match="not finite"):
        best_trees(np.array([[[0.0, 0.0, np.nan], [0.0, 1.0, 0.0]]]), [2])
