from __future__ import annotations

import pytest
from pydantic import ValidationError

from layerlab.finetuning.training import Training
from layerlab.training.schedule import rate_factor
from layerlab.training.streams import derive_seed


def test_rate_rises_to_the_peak_and_falls_to_nearly_zero() -> None:
    factors = [rate_factor(step, 100, 0.1) for step in range(100)]
    assert factors[:10] == sorted(factors[:10])
    assert factors[9:] == sorted(factors[9:], reverse=True)
    assert max(factors) == 1.0
    assert 0 < factors[-1] <= 0.02


def test_without_warm_up_the_first_step_has_the_peak_rate() -> None:
    assert rate_factor(0, 10, 0.0) == 1.0


def test_misspelt_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="epoch"):
        Training.model_validate({"epoch": 3})


def test_streams_differ_by_seed_and_purpose_and_fit_a_generator() -> None:
    seeds = {derive_seed(seed, purpose) for seed in range(10) for purpose in ("head", "order", "dropout")}
    assert len(seeds) == 30
    assert all(0 <= seed < 2**63 for seed in seeds)
