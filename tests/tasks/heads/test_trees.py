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
from layerlab.tasks.heads import trees as module
from layerlab.tasks.heads.trees import Heads, Scores, are_trees, best_tree, best_trees, rooted_heads


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


@pytest.mark.parametrize("n_words", range(2, 7))
@pytest.mark.parametrize("most_roots", [0, 1, 99])
def test_roots_tried_one_by_one_and_all_at_once_give_the_same_tree(
    n_words: int, most_roots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_ROOTS", most_roots)
    trees, stream = all_trees(n_words), np.random.default_rng(100 + n_words)
    for _ in range(60):
        scores = stream.normal(size=(n_words, n_words + 1))
        scores[:, 0] = stream.normal(scale=0.1, size=n_words)  # every root is as promising as the others
        assert best_tree(scores).tolist() == trees[total(scores, trees).argmax()].tolist()


def test_cycles_of_every_length_are_broken_at_the_best_place() -> None:
    stream = np.random.default_rng(5)
    for n_words in range(2, 7):
        trees = all_trees(n_words)
        for length in range(2, n_words + 1):
            for _ in range(20):
                scores = stream.normal(size=(n_words, n_words + 1))
                cycle = stream.permutation(n_words)[:length]
                scores[cycle, np.roll(cycle, 1) + 1] += 3  # the best heads go round
                assert best_tree(scores).tolist() == trees[total(scores, trees).argmax()].tolist()


def test_the_best_single_root_is_that_of_a_search_over_roots() -> None:
    stream = np.random.default_rng(8)
    lengths = np.array([6, 2, 5, 3])
    real = np.arange(6) < lengths[:, None]
    scores = np.full((4, 6, 7), -np.inf)
    for row, n in enumerate(lengths):
        scores[row, :n, : n + 1] = stream.normal(size=(n, n + 1))
        scores[row, range(n), range(1, n + 1)] = -np.inf
    found = rooted_heads(scores, real)
    for row, n in enumerate(lengths):
        choices = itertools.product(range(n + 1), repeat=int(n))
        single = [heads for heads in choices if heads.count(0) == 1]
        totals = [total(scores[row, :n], np.array(heads)) for heads in single]
        assert tuple(found[row, :n]) == single[int(np.argmax(totals))]
        assert not found[row, n:].any()


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
