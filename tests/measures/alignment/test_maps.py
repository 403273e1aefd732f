"""Maps find what was planted, and are those of scipy and numpy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from layerlab.errors import DataError
from layerlab.measures.alignment.maps import (
    fit_map,
    iterative_normalisation,
    least_squares,
    procrustes,
    random_rotation,
)

RNG = np.random.default_rng(3)


def test_procrustes_finds_a_planted_rotation() -> None:
    x, turn = RNG.normal(size=(60, 12)), random_rotation(12, 12, seed=5)
    assert np.allclose(procrustes(x, x @ turn), turn, atol=1e-10)


def test_procrustes_is_that_of_scipy() -> None:
    x, y = RNG.normal(size=(50, 9)), RNG.normal(size=(50, 9))
    assert np.allclose(procrustes(x, y), scipy.linalg.orthogonal_procrustes(x, y)[0], atol=1e-10)


@pytest.mark.parametrize(("n_from", "n_to"), [(5, 8), (8, 5)])
def test_procrustes_between_unlike_widths_keeps_the_narrower_orthonormal(n_from: int, n_to: int) -> None:
    x, y = RNG.normal(size=(40, n_from)), RNG.normal(size=(40, n_to))
    found = procrustes(x, y)
    product = found @ found.T if n_from < n_to else found.T @ found
    assert found.shape == (n_from, n_to)
    assert np.allclose(product, np.eye(5), atol=1e-10)
    # None of many random ones of its kind has its states more alike.
    others = [random_rotation(n_from, n_to, seed) for seed in range(50)]
    assert np.trace(found.T @ x.T @ y) > max(float(np.trace(one.T @ x.T @ y)) for one in others)


@pytest.mark.parametrize("n_pairs", [4, 40])
def test_least_squares_is_that_of_numpy(n_pairs: int) -> None:
    x, y = RNG.normal(size=(n_pairs, 7)), RNG.normal(size=(n_pairs, 5))
    assert np.allclose(least_squares(x, y), np.linalg.lstsq(x, y, rcond=None)[0])


def test_random_rotations_are_orthogonal_and_differ_by_seed() -> None:
    one, other = random_rotation(6, 6, 0), random_rotation(6, 6, 1)
    assert np.allclose(one @ one.T, np.eye(6))
    assert not np.allclose(one, other)


def test_iterative_normalisation_gives_unit_length_and_mean_zero_at_once() -> None:
    states = RNG.normal(size=(200, 16)) + 3.0
    normalised = iterative_normalisation(states, rounds=20).normalise(states)
    assert np.abs(normalised.mean(axis=0)).max() < 1e-12
    assert np.abs(np.linalg.norm(normalised, axis=1) - 1).max() < 1e-3


@pytest.mark.parametrize("how", ["procrustes", "least_squares"])
def test_a_turned_shifted_and_scaled_space_is_mapped_onto_the_other(how: str) -> None:
    x = RNG.normal(size=(400, 10))
    y = 2.5 * (x @ random_rotation(10, 10, seed=2)) + np.arange(10)
    matrix, shift = fit_map(x, y, how, rounds=0).affine()
    assert np.allclose(x @ matrix + shift, y)


def test_unit_length_hardly_disturbs_a_turned_space() -> None:
    x = RNG.normal(size=(400, 10))
    y = x @ random_rotation(10, 10, seed=2)
    mapping = fit_map(x, y, "procrustes")
    assert np.allclose(mapping.normalised(x), mapping.end.normalise(y))
    matrix, shift = mapping.affine()
    assert np.allclose(x @ matrix + shift, y)


def test_the_identity_of_one_space_changes_no_bit() -> None:
    x = RNG.normal(size=(30, 8))
    matrix, shift = fit_map(x, x, "none").affine()
    assert (matrix == np.eye(8)).all()
    assert (shift == 0).all()


def test_what_cannot_be_mapped_is_refused() -> None:
    x, y = RNG.normal(size=(20, 4)), RNG.normal(size=(20, 6))
    with pytest.raises(DataError, match="states of 4 and 6 dimensions cannot be compared unmapped"):
        fit_map(x, y, "none")
    with pytest.raises(DataError, match="affine"):
        fit_map(x, y, "affine")
    with pytest.raises(DataError, match="as many rows"):
        fit_map(x, y[:5], "procrustes")
