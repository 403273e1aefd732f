"""The cosine of translations equals PyTorch's, and is about 0 for unrelated sentences once centred."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from layerlab.errors import DataError
from layerlab.measures.cosine import mean_cosine

STREAM = np.random.default_rng(0)
X, Y = STREAM.normal(size=(2, 200, 16))


def test_it_equals_pytorchs() -> None:
    expected = torch.nn.CosineSimilarity(dim=1)(torch.tensor(X), torch.tensor(Y)).mean().item()
    assert mean_cosine(X, Y) == pytest.approx(expected)
    assert mean_cosine(X, 3 * X) == pytest.approx(1)


def test_a_narrow_cone_is_taken_off_by_centring() -> None:
    assert mean_cosine(X + 9, Y + 9) > 0.9
    assert abs(mean_cosine(X + 9, Y + 9, centre=True)) < 0.1
    assert mean_cosine(X + 9, X - 9, centre=True) == pytest.approx(1)


def test_a_vector_without_direction_has_none() -> None:
    assert math.isnan(mean_cosine(np.zeros((3, 2)), np.ones((3, 2))))
    with pytest.raises(DataError, match="expected at least 2"):
        mean_cosine(X[:1], Y[:1])
