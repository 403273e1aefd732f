from __future__ import annotations

from collections import Counter
from random import Random

from layerlab.languages.randomness import one_of, shuffled, stream, unit, weighted, zipf


def test_a_purpose_always_gives_the_same_stream() -> None:
    assert [stream("a", 1).random() for _ in range(3)] == [stream("a", 1).random()] * 3


def test_other_purposes_give_other_streams_even_if_their_texts_join_alike() -> None:
    assert stream("a", "b1").random() != stream("ab", "1").random()


def test_the_known_first_number_of_a_stream_stays_as_it_is() -> None:
    assert round(stream("layerlab").random(), 12) == 0.138928867199
    assert 0 <= unit("layerlab") < 1


def test_draws_follow_the_weights() -> None:
    choice, random = weighted(("a", "b", "c"), (0.7, 0.2, 0.1)), Random(0)
    counts = Counter(choice.draw(random) for _ in range(5000))
    assert abs(counts["a"] / 5000 - 0.7) < 0.03
    assert abs(counts["c"] / 5000 - 0.1) < 0.02


def test_zipf_prefers_the_first() -> None:
    choice, random = zipf(range(50)), Random(0)
    counts = Counter(choice.draw(random) for _ in range(5000))
    assert counts[0] > counts[5] > counts[40] > 0


def test_one_item_is_always_drawn() -> None:
    assert zipf(["only"]).draw(Random(0)) == one_of(Random(0), ["only"]) == "only"


def test_shuffling_keeps_the_items() -> None:
    assert sorted(shuffled(Random(3), range(20))) == list(range(20)) != shuffled(Random(3), range(20))
