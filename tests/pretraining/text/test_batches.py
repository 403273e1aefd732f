from __future__ import annotations

import numpy as np
import pytest

from layerlab.pretraining.text.batches import Masked, Order, mask, shares
from layerlab.training.streams import masks_stream

N_SPECIAL, MASK_ID, N_VOCAB = 5, 4, 1_000


def ids(rows: int, columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    batch = np.random.default_rng(0).integers(N_SPECIAL, N_VOCAB, (rows, columns)).astype(np.int32)
    batch[:, 0] = 2
    return batch


def masked(
    batch: np.ndarray[tuple[int, int], np.dtype[np.int32]], step: int = 0, rate: float = 0.2
) -> Masked:
    return mask(batch, rate, masks_stream(0, step), n_special=N_SPECIAL, mask_id=MASK_ID, n_vocab=N_VOCAB)


@pytest.mark.parametrize("rate", [0.15, 0.2, 0.4])
def test_the_mask_rate_is_met_exactly(rate: float) -> None:
    assert len(masked(ids(50, 101), rate=rate).positions) == round(rate * 50 * 100)


def test_chosen_tokens_become_masks_others_or_stay_at_80_10_10() -> None:
    batch = ids(400, 101)
    result = masked(batch)
    there = result.input_ids.ravel()[result.positions]
    assert np.mean(there == MASK_ID) == pytest.approx(0.8, abs=0.02)
    assert np.mean(there == result.targets) == pytest.approx(0.1, abs=0.02)
    others = there[(there != MASK_ID) & (there != result.targets)]
    assert len(others) / len(there) == pytest.approx(0.1, abs=0.02)
    assert others.min() >= N_SPECIAL


def test_targets_are_the_true_tokens_and_the_rest_is_untouched() -> None:
    batch = ids(20, 30)
    result = masked(batch)
    assert (batch.ravel()[result.positions] == result.targets).all()
    rest = np.setdiff1d(np.arange(batch.size), result.positions)
    assert (result.input_ids.ravel()[rest] == batch.ravel()[rest]).all()


def test_special_tokens_are_never_predicted() -> None:
    assert (masked(ids(20, 30), rate=0.9).targets >= N_SPECIAL).all()


def test_masks_are_new_at_every_step_and_the_same_for_the_same_step() -> None:
    batch = ids(20, 30)
    assert (masked(batch, 3).positions == masked(batch, 3).positions).all()
    assert not np.array_equal(masked(batch, 3).positions, masked(batch, 4).positions)


def numbered(sizes: dict[str, int]) -> dict[str, np.ndarray[tuple[int, int], np.dtype[np.int32]]]:
    starts = np.cumsum([0, *sizes.values()])
    return {
        language: np.arange(start, start + size, dtype=np.int32).reshape(-1, 1)
        for (language, size), start in zip(sizes.items(), starts, strict=False)
    }


def test_no_sequence_comes_again_before_all_of_its_language_came() -> None:
    order = Order(numbered({"a": 10, "b": 30}), {"a": 0.25, "b": 0.75}, 8, 40, seed=0)
    seen = np.concatenate([order.batch(step).ravel() for step in range(40)])
    first, second = (seen[seen < 10], 10), (seen[seen >= 10], 30)
    for rows, size in (first, second):
        for epoch in range(len(rows) // size):
            assert len(set(rows[epoch * size : (epoch + 1) * size])) == size


def test_languages_come_by_their_tempered_sizes() -> None:
    order = Order(numbered({"big": 900, "small": 100}), {"big": 0.75, "small": 0.25}, 50, 100, seed=0)
    seen = order.sequences_seen(100)
    assert sum(seen.values()) == 5_000
    assert seen["small"] / 5_000 == pytest.approx(0.25, abs=0.02)


def test_an_exponent_of_zero_is_even() -> None:
    assert shares({"a": 1, "b": 99}, 0.0) == {"a": 0.5, "b": 0.5}


def test_what_a_step_sees_does_not_depend_on_how_many_steps_follow() -> None:
    rows = numbered({"a": 10, "b": 30})
    even = {"a": 0.5, "b": 0.5}
    short, long = Order(rows, even, 4, 5, seed=1), Order(rows, even, 4, 50, seed=1)
    assert all((short.batch(step) == long.batch(step)).all() for step in range(5))


def test_sequences_may_have_rates_of_their_own() -> None:
    batch = np.full((4, 50), 9, dtype=np.int32)
    rates = [0.1, 0.5, 0.1, 0.5]
    masked = mask(batch, rates, masks_stream(0, 0), n_special=5, mask_id=4, n_vocab=80)
    rows = np.bincount(masked.positions // 50, minlength=4)
    assert (rows[[0, 2]].sum(), rows[[1, 3]].sum()) == (10, 50)
    even = [
        mask(batch, rate, masks_stream(0, 0), n_special=5, mask_id=4, n_vocab=80) for rate in (0.2, [0.2] * 4)
    ]
    assert (even[0].positions == even[1].positions).all()
    assert (even[0].input_ids == even[1].input_ids).all()
