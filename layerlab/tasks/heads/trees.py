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

# Roots that are tried one by one: each takes few contractions, the search over all roots about one a word.
_MOST_ROOTS = 4


def best_trees(scores: Scores, lengths: Sequence[int]) -> Heads:
    """Return the best single-rooted tree of each sentence.

    Each word takes the head that scores highest for it. Where these heads are no single-rooted tree, the most
    promising word becomes the root and each other word takes its best head but the root: no tree can score
    more. Both are done for all sentences at once. Only for sentences where a cycle is left, which are few
    after training, is the tree searched for by :func:`best_tree`.

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
    if (possible > np.isfinite(scores)).any():
        raise TrainingError("scores of heads are not finite: the model has diverged, or an ablation broke it")
    scores = np.where(possible, scores, -np.inf)
    heads: Heads = scores.argmax(axis=2)
    heads[~real] = 0
    left = np.flatnonzero(~are_trees(heads, real))
    heads[left] = rooted_heads(scores[left].astype(np.float64), real[left])
    for index in left[~are_trees(heads[left], real[left])].tolist():
        n = lengths[index]
        heads[index, :n] = best_tree(scores[index, :n, : n + 1])
    return heads


def rooted_heads(scores: Scores, real: NDArray[np.bool_]) -> Heads:
    """Return the best heads of which just one is the root, without regard to cycles.

    Args:
        scores: ``(sentences, words, 1 + words)``, minus infinity where a head is impossible.
        real: ``(sentences, words)``: whether the sentence has this word.

    Returns:
        Heads ``(sentences, words)``, 0 beyond a sentence's words.
    """
    heads: Heads = scores[:, :, 1:].argmax(axis=2) + 1
    heads[~real] = 0
    best = np.where(real, scores[:, :, 1:].max(axis=2), 0.0)
    root = (scores[:, :, 0] - best).argmax(axis=1)
    heads[np.arange(len(heads)), root] = 0
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

    The best tree is found that hangs on the most promising word, then on the next, until no word left could
    at best give more; that is mostly after one or two. If it is not after a few, the root's scores are
    lowered by more than all others can make up for, so that the best of all trees has as few words on the
    root as there can be: one.

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
    found = np.zeros(n_words, dtype=np.int64)
    if n_words == 1:
        return found
    words, total = np.arange(1, n_words + 1), -np.inf
    best = square[1:, 1:].max(axis=1)
    promise = square[1:, 0] - best + best.sum()  # no tree that hangs on this word scores more
    for tried, root in enumerate((-promise).argsort().tolist(), 1):
        if promise[root] <= total:
            return found
        if tried > _MOST_ROOTS:
            break
        heads = spanning_heads(_hung(square, root + 1))[1:]
        score = square[words, heads].sum()
        if score > total:
            found, total = heads, score
    else:
        return found
    finite = square[square > -np.inf]
    square[1:, 0] -= 1.0 + n_words * (finite.max() - finite.min())
    return spanning_heads(square)[1:]


def _hung(square: Scores, root: int) -> Scores:
    """Return the scores of trees in which this word, and no other, hangs on the root."""
    hung = square.copy()
    hung[1:, 0] = hung[root] = -np.inf
    hung[root, 0] = square[root, 0]
    return hung


class Contraction(NamedTuple):
    """A cycle for which its first node stands.

    Attributes:
        cycle: Its nodes; the head of each is the next one.
        enter: For each node as head, the place in the cycle where it is best broken.
        leave: For each node, the place in the cycle of its best head.
    """

    cycle: list[int]
    enter: NDArray[np.integer[Any]]
    leave: NDArray[np.integer[Any]]


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
    done, on_way = [True, *[False] * (len(heads) - 1)], [False] * len(heads)
    contracted: list[Contraction] = []
    for start in range(1, len(heads)):
        node, way = _standing(stands, start), list[int]()
        while not done[node]:
            if on_way[node]:
                place = way.index(node)
                cycle = way[place:]
                del way[place:]
                contracted.append(contract(square, cycle))
                heads[node] = int(square[node].argmax())
                for member in cycle:
                    stands[member] = node
            on_way[node] = True
            way.append(node)
            node = _standing(stands, heads[node])
        for node in way:
            done[node] = True
    return _expand(heads, contracted)


def contract(square: Scores, cycle: list[int]) -> Contraction:
    """Let the first node of a cycle stand for it.

    A head of the cycle scores the most that it gains over the cycle's own, over the places to break it.

    Args:
        square: Scores of heads; they are changed.
        cycle: Nodes; the head of each is the next one.
    """
    if len(cycle) == 2:  # as most are
        return _contract_pair(square, cycle)
    first, others = cycle[0], cycle[1:]
    into = square[cycle]
    into -= into[np.arange(len(cycle)), [*others, first]][:, None]
    square[first] = into.max(axis=0)
    out_of = square[:, cycle]
    square[:, first] = out_of.max(axis=1)
    square[:, others] = -np.inf
    square[first, first] = -np.inf
    return Contraction(cycle, into.argmax(axis=0), out_of.argmax(axis=1))


def _contract_pair(square: Scores, cycle: list[int]) -> Contraction:
    """Do what `contract` does with a cycle of two nodes, with fewer copies."""
    one, two = cycle
    into_one, into_two = square[one] - square[one, two], square[two] - square[two, one]
    enter = into_two > into_one
    np.maximum(into_one, into_two, out=square[one])
    out_of_one, out_of_two = square[:, one], square[:, two]
    leave = out_of_two > out_of_one
    np.maximum(out_of_one, out_of_two, out=out_of_one)
    square[:, two] = square[one, one] = -np.inf
    return Contraction(cycle, enter.view(np.int8), leave.view(np.int8))


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
