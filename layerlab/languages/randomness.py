"""Seeded randomness: separate streams by name, and draws with weights.

Only ``Random.random`` is used, whose sequence Python keeps stable over its versions.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


def stream(*purpose: object) -> Random:
    """Return the random stream that belongs to a purpose; equal purposes give equal streams.

    >>> stream("lexicon", "avin").random() == stream("lexicon", "avin").random()
    True
    """
    return Random(_hash(purpose))


def unit(*purpose: object) -> float:
    """Return a number in [0, 1) that belongs to a purpose, without making a stream."""
    return _hash(purpose) / 2**64


def _hash(purpose: tuple[object, ...]) -> int:
    text = "\x1f".join(str(part) for part in purpose)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


@dataclass(frozen=True, slots=True)
class Weighted(Generic[T]):
    """Items that are drawn with unequal chances.

    Attributes:
        items: What can be drawn.
        bounds: Cumulated shares of all items but the last.
    """

    items: tuple[T, ...]
    bounds: tuple[float, ...]

    def draw(self, random: Random) -> T:
        """Draw one item."""
        return self.items[bisect_right(self.bounds, random.random())]


def weighted(items: Sequence[T], weights: Sequence[float]) -> Weighted[T]:
    """Make a distribution of items with the given positive weights."""
    sums = list(accumulate(weights))
    return Weighted(tuple(items), tuple(bound / sums[-1] for bound in sums[:-1]))


def zipf(items: Sequence[T], exponent: float = 1.0, shift: float = 2.0) -> Weighted[T]:
    """Make a Zipf-Mandelbrot distribution: the item of rank r weighs ``1 / (r + shift) ** exponent``.

    >>> zipf(["a", "b"], shift=0.0).bounds[0] > 0.6
    True
    """
    return weighted(items, [(rank + shift) ** -exponent for rank in range(1, len(items) + 1)])


def one_of(random: Random, items: Sequence[T]) -> T:
    """Draw one item, all with equal chances."""
    return items[int(random.random() * len(items))]


def shuffled(random: Random, items: Sequence[T]) -> list[T]:
    """Return the items in random order."""
    keys = [random.random() for _ in items]
    return [items[index] for index in sorted(range(len(items)), key=keys.__getitem__)]
