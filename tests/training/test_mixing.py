from __future__ import annotations

from collections import Counter

import pytest

from layerlab.training.batching import epoch_batches
from layerlab.training.mixing import drawn_examples, even_share


def test_by_size_every_example_comes_once_an_epoch() -> None:
    assert drawn_examples([3, 5], "size", seed=1, epoch=4) == list(range(8))


@pytest.mark.parametrize("sizes", [(4, 20), (7, 7, 1), (5,)])
def test_evenly_an_epoch_has_as_many_examples_of_each_corpus(sizes: tuple[int, ...]) -> None:
    firsts = [sum(sizes[:number]) for number in range(len(sizes))]
    for epoch in range(3):
        drawn = drawn_examples(sizes, "even", seed=0, epoch=epoch)
        assert len(drawn) == sum(sizes)
        counts = [
            sum(first <= index < first + size for index in drawn)
            for first, size in zip(firsts, sizes, strict=True)
        ]
        assert max(counts) - min(counts) <= 1


def test_evenly_no_example_comes_twice_more_than_another_of_its_corpus() -> None:
    counts = Counter(index for epoch in range(5) for index in drawn_examples([4, 20], "even", 3, epoch))
    small, large = ([counts[index] for index in part] for part in (range(4), range(4, 24)))
    assert max(small) - min(small) <= 1
    assert max(large) - min(large) <= 1
    assert sum(small) == sum(large) == 60


def test_draws_depend_on_seed_and_epoch_alone() -> None:
    def drawn(seed: int, epoch: int) -> list[int]:
        return drawn_examples([6, 20], "even", seed, epoch)

    assert drawn(0, 2) == drawn(0, 2)
    assert drawn(0, 2) != drawn(0, 1)
    assert drawn(0, 2) != drawn(1, 2)


def test_batches_hold_what_was_drawn() -> None:
    drawn = drawn_examples([4, 20], "even", 0, 0)
    batches = epoch_batches([5] * 24, 4, 0, 0, drawn)
    assert sorted(index for batch in batches for index in batch) == sorted(drawn)
    assert len(batches) == 6


def test_shares_of_an_epoch_are_the_passes_over_a_corpus() -> None:
    sizes = [10, 30]
    drawn = drawn_examples(sizes, "even", 0, 0)
    passes = [sum(index < 10 for index in drawn) / 10, sum(index >= 10 for index in drawn) / 30]
    assert passes == [even_share(sizes, 0), even_share(sizes, 1)]
