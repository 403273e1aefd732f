from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from layerlab.training.batching import epoch_batches, length_batches, share_of_batch

LENGTHS = st.lists(st.integers(min_value=1, max_value=90), max_size=300)


@given(LENGTHS, st.integers(1, 40), st.integers(0, 5), st.integers(0, 3))
def test_every_example_is_in_exactly_one_batch(lengths: list[int], size: int, seed: int, epoch: int) -> None:
    batches = epoch_batches(lengths, size, seed, epoch)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= size for batch in batches)


def test_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = [random.Random(0).randint(1, 50) for _ in range(200)]
    assert epoch_batches(lengths, 8, 1, 0) == epoch_batches(lengths, 8, 1, 0)
    assert epoch_batches(lengths, 8, 1, 0) != epoch_batches(lengths, 8, 1, 1)
    assert epoch_batches(lengths, 8, 1, 0) != epoch_batches(lengths, 8, 2, 0)


def test_buckets_carry_far_less_padding_than_random_batches() -> None:
    stream = random.Random(0)
    lengths = [min(90, 3 + int(stream.expovariate(1 / 18))) for _ in range(3200)]

    def padded(batches: list[tuple[int, ...]]) -> int:
        return sum(max(lengths[i] for i in batch) * len(batch) for batch in batches)

    order = list(range(len(lengths)))
    stream.shuffle(order)
    at_random = [tuple(order[i : i + 32]) for i in range(0, len(order), 32)]
    assert padded(epoch_batches(lengths, 32, 0, 0)) < 0.5 * padded(at_random)


@given(LENGTHS, st.integers(1, 400))
def test_evaluation_batches_keep_their_bound(lengths: list[int], bound: int) -> None:
    batches = length_batches(lengths, bound)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= bound


def test_evaluation_batches_of_few_sentences_carry_little_padding() -> None:
    stream = random.Random(0)
    lengths = [min(120, 3 + int(stream.expovariate(1 / 25))) for _ in range(200)]
    padded = sum(max(lengths[i] for i in batch) * len(batch) for batch in length_batches(lengths, 8192))
    assert padded < 1.2 * sum(lengths)
    assert 200 * max(lengths) > 3 * sum(lengths), "one batch of all would be padding above all"


@given(st.lists(st.integers(0, 99), max_size=40), st.integers(1, 6))
def test_parts_make_up_the_batch(batch: list[int], n_parts: int) -> None:
    parts = [share_of_batch(batch, part, n_parts) for part in range(n_parts)]
    assert sorted(index for part in parts for index in part) == sorted(batch)
