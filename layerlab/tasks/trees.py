"""Maximum spanning trees with a single root: from scores of heads to the best dependency tree."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from layerlab.errors import TrainingError

Scores = NDArray[np.floating[Any]]
Heads = NDArray[np.int64]


def best_trees(scores: Scores, lengths: Sequence[int]) -> Heads:
    """Return the best single-rooted tree of each sentence.

    Each word takes the head that scores highest for it. Only where these heads are no single-rooted tree,
    which is seldom after training, is the tree searched for by :func:`best_tree`.

    Args:
        scores: ``(sentences, words, 1 + words)``: for each word the score of each head; head 0 is the root.
        lengths: Words of each sentence; scores beyond them are not looked at.

    Returns:
        Heads ``(sentences, words)``: 1-based, 0 for the root; 0 beyond a sentence's words.

    Raises:
        TrainingError: A score is not finite.

    >>> best_trees(np.array([[[0.0, -9.0, 2.0], [1.0, 3.0, -9.0]]]), [2]).tolist()
    [[0, 1]]
    """
    n_sentences, n_words, _ = scores.shape
    places = np.arange(n_words)
    real = places < np.asarray(lengths)[:, None]
    possible = real[:, :, None] & np.concatenate([np.ones((n_sentences, 1), bool), real], axis=1)[:, None, :]
    possible[:, places, places + 1] = False  # no word is its own head
    if not np.isfinite(scores[possible]).all():
        raise TrainingError("scores of heads are not finite: the model has diverged, or an ablation broke it")
    heads: Heads = np.where(possible, scores, -np.inf).argmax(axis=2)
    heads[~real] = 0
    for index in np.flatnonzero(~are_trees(heads, real)).tolist():
        n = lengths[index]
        heads[index, :n] = best_tree(scores[index, :n, : n + 1])
    return heads


def are_trees(heads: Heads, real: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for each sentence whether one word hangs on the root and every word leads there.

    Args:
        heads: ``(sentences, words)``, 0 for the root and beyond a sentence's words.
        real: ``(sentences, words)``: whether the sentence has this word.
    """
    n_roots = ((heads == 0) & real).sum(axis=1)
    above = np.concatenate([np.zeros((len(heads), 1), dtype=np.int64), heads], axis=1)
    for _ in range(heads.shape[1].bit_length()):  # each time the way that is gone doubles
        above = np.take_along_axis(above, above, axis=1)
    return np.asarray((n_roots == 1) & (above == 0).all(axis=1))


def best_tree(scores: Scores) -> Heads:
    """Return the single-rooted tree of one sentence with the highest sum of scores.

    First the tree is found that hangs on the most promising word. That is it, unless another word could at
    best give more; then the root's scores are lowered by more than all others can make up for, so that
    the best tree has as few words on the root as there can be: one.

    Args:
        scores: ``(words, 1 + words)``, finite but for those of a word as its own head.

    Returns:
        Heads ``(words,)``: 1-based, 0 for the root.

    Reference: Zmigrod et al. (2020), Please Mind the Root: Decoding Arborescences for Dependency Parsing.

    >>> best_tree(np.array([[5.0, 0.0, 1.0], [5.0, 2.0, 0.0]])).tolist()
    [0, 1]
    """
    n_words = len(scores)
    square = np.full((n_words + 1, n_words + 1), -np.inf)
    square[1:] = scores
    np.fill_diagonal(square, -np.inf)
    if n_words == 1:
        return np.zeros(1, dtype=np.int64)
    best = square[1:, 1:].max(axis=1)
    promise = square[1:, 0] - best + best.sum()  # no tree that hangs on this word scores more
    root = int(promise.argmax()) + 1
    on_root = square.copy()
    on_root[1:, 0] = on_root[root] = -np.inf
    on_root[root, 0] = square[root, 0]
    heads = spanning_heads(on_root)
    promise[root - 1] = -np.inf
    words = np.arange(1, n_words + 1)
    if square[words, heads[1:]].sum() < promise.max():
        finite = square[np.isfinite(square)]
        square[1:, 0] -= 1.0 + n_words * (finite.max() - finite.min())
        heads = spanning_heads(square)
    return heads[1:]


class Contraction(NamedTuple):
    """A cycle for which its first node stands.

    Attributes:
        cycle: Its nodes; the head of each is the next one.
        enter: For each node as head, the place in the cycle where it is best broken.
        leave: For each node, the place in the cycle of its best head.
    """

    cycle: list[int]
    enter: Heads
    leave: Heads


def spanning_heads(square: Scores) -> Heads:
    """Return the heads of the best tree, however many nodes hang on the root.

    From each node the way of best heads is followed. A cycle on the way becomes one node, whose best head
    is where the way goes on; at last the cycles are broken, the latest first, where they were entered.

    Args:
        square: ``(nodes, nodes)``: for each node the score of each head, minus infinity for itself; node 0 is
            the root. It is overwritten.

    Returns:
        Heads ``(nodes,)``; the root's own is 0.

    Reference: Chu and Liu (1965); Edmonds (1967), Optimum Branchings; in the manner of Tarjan (1977), Finding
        Optimum Branchings.
    """
    heads: list[int] = square.argmax(axis=1).tolist()
    heads[0] = 0
    stands = list(range(len(heads)))  # for a node of a contracted cycle, a node that stands for it
    done = {0}
    contracted: list[Contraction] = []
    for start in range(1, len(heads)):
        node, path = _standing(stands, start), dict[int, None]()
        while node not in done:
            if node in path:
                nodes = list(path)
                cycle = nodes[nodes.index(node) :]
                contracted.append(contract(square, cycle))
                heads[node] = int(square[node].argmax())
                for member in cycle:
                    stands[member] = node
                    del path[member]
            path[node] = None
            node = _standing(stands, heads[node])
        done.update(path)
    return _expand(heads, contracted)


def contract(square: Scores, cycle: list[int]) -> Contraction:
    """Let the first node of a cycle stand for it.

    A head of the cycle scores the most that it gains over the cycle's own, over the places to break it.

    Args:
        square: Scores of heads; they are changed.
        cycle: Nodes; the head of each is the next one.
    """
    first, others = cycle[0], cycle[1:]
    into = square[cycle]
    into -= into[np.arange(len(cycle)), [*others, first]][:, None]
    square[first] = into.max(axis=0)
    out_of = square[:, cycle]
    square[:, first] = out_of.max(axis=1)
    square[:, others] = -np.inf
    square[first, first] = -np.inf
    return Contraction(cycle, into.argmax(axis=0), out_of.argmax(axis=1))


def _standing(stands: list[int], node: int) -> int:
    while stands[node] != node:
        node = stands[node]
    return node


def _expand(heads: list[int], contracted: list[Contraction]) -> Heads:
    """Break the cycles, the latest first, each where its head enters it."""
    for cycle, enter, leave in reversed(contracted):
        first, head = cycle[0], heads[cycle[0]]
        for node, its_head in enumerate(heads):
            if its_head == first:
                heads[node] = cycle[leave[node]]
        for node, following in itertools.pairwise((*cycle, first)):
            heads[node] = following
        heads[cycle[enter[head]]] = head
    return np.array(heads)
