"""Which examples an epoch has where a fit is trained on several corpora together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from layerlab.training.streams import mixing_stream

#: By the size of each corpus, or as many examples of each.
Mixing = Literal["size", "even"]


def drawn_examples(sizes: Sequence[int], mixing: Mixing, seed: int, epoch: int) -> list[int]:
    """Return the examples of one epoch by number, corpus after corpus; as many as there are in all.

    Evenly, every corpus is gone through in an order of its own, again and again over the epochs, so that none
    of its examples comes more often than once more than another.

    Args:
        sizes: Examples of each corpus, which are numbered one corpus after the other.
        mixing: How they are drawn.
        seed: The fit's seed.
        epoch: Number of the epoch, from 0.

    >>> drawn_examples([2, 4], "size", seed=0, epoch=0)
    [0, 1, 2, 3, 4, 5]
    >>> [sum(index < 2 for index in drawn_examples([2, 4], "even", 0, epoch)) for epoch in (0, 1)]
    [3, 3]
    """
    n_examples = sum(sizes)
    if mixing == "size":
        return list(range(n_examples))
    share, more = divmod(n_examples, len(sizes))
    drawn: list[int] = []
    first = 0
    for number, size in enumerate(sizes):
        n_drawn = share + (number < more)
        drawn += [first + index for index in _stretch(size, epoch * n_drawn, n_drawn, seed, number)]
        first += size
    return drawn


def even_share(sizes: Sequence[int], number: int) -> float:
    """Return how often an epoch that is drawn evenly goes through a corpus.

    >>> even_share([2, 4], 0), even_share([2, 4], 1)
    (1.5, 0.75)
    """
    return sum(sizes) / len(sizes) / sizes[number]


def _stretch(size: int, start: int, length: int, seed: int, number: int) -> list[int]:
    """Return a stretch of the passes over a corpus, each of which has an order of its own."""
    found: list[int] = []
    while len(found) < length:
        done, place = divmod(start + len(found), size)
        order = list(range(size))
        mixing_stream(seed, number, done).shuffle(order)
        found += order[place : place + length - len(found)]
    return found
