"""Batches of similar length, in an order that depends on the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Sequence

from layerlab.training.streams import order_stream

# Sorting inside windows of this many batches keeps padding low and the order random.
WINDOW_BATCHES = 50
# An evaluation batch of at least so many padded word-pieces has at most this fraction of padding.
BUSY_PIECES, MOST_PADDING = 512, 0.1


def epoch_batches(
    lengths: Sequence[int], batch_size: int, seed: int, epoch: int, drawn: Sequence[int] | None = None
) -> list[tuple[int, ...]]:
    """Return one epoch's batches as indices into ``lengths``.

    The examples are shuffled, cut into windows of 50 batches, sorted by length inside a window, cut into
    batches, and the batches are shuffled. Every index occurs exactly once, or as often as it was ``drawn``.

    >>> sorted(index for batch in epoch_batches([5, 3, 9, 2], 2, seed=0, epoch=0) for index in batch)
    [0, 1, 2, 3]
    """
    stream = order_stream(seed, epoch)
    order = list(range(len(lengths)) if drawn is None else drawn)
    stream.shuffle(order)
    window = batch_size * WINDOW_BATCHES
    batches: list[tuple[int, ...]] = []
    for start in range(0, len(order), window):
        inside = sorted(order[start : start + window], key=lambda index: lengths[index])
        batches.extend(tuple(inside[i : i + batch_size]) for i in range(0, len(inside), batch_size))
    stream.shuffle(batches)
    return batches


def length_batches(lengths: Sequence[int], max_pieces: int) -> list[tuple[int, ...]]:
    """Return batches for evaluation: sorted by length, at most ``max_pieces`` padded word-pieces each.

    A batch that is large enough to keep a processor busy also ends where a shorter sequence would bring its
    padding above a tenth: of few sentences of many lengths most would be padding otherwise.

    >>> length_batches([2, 9, 2], max_pieces=10)
    [(1,), (0, 2)]
    """
    batches: list[tuple[int, ...]] = []
    current: list[int] = []
    real = 0
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        longest = lengths[current[0]] if current else lengths[index]
        padded = longest * (len(current) + 1)
        loose = padded - longest >= BUSY_PIECES and real + lengths[index] < (1 - MOST_PADDING) * padded
        if current and (padded > max_pieces or loose):
            batches.append(tuple(current))
            current, real = [], 0
        current.append(index)
        real += lengths[index]
    if current:
        batches.append(tuple(current))
    return batches


def share_of_batch(batch: Sequence[int], part: int, n_parts: int) -> tuple[int, ...]:
    """Return one part of a batch, for one process or one accumulation step; may be empty.

    Neighbours go to different parts, so that the parts have similar lengths.

    >>> share_of_batch([4, 5, 6], part=0, n_parts=2), share_of_batch([4, 5, 6], part=1, n_parts=2)
    ((4, 6), (5,))
    """
    return tuple(batch[part::n_parts])
