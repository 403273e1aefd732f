"""Linear maps between the states of two encoders, in closed form and float64.

A map is fitted on pairs of states that mean the same, a row each, and takes the rows of the one encoder into
the space of the other. Both spaces are normalised before: unit length and centring by turns, since a rotation
keeps lengths and the origin where they are.

References:
    Wu et al. (2020), "Emerging Cross-lingual Structure in Pretrained Language Models", section 5.
    Zhang et al. (2019), "Are Girls Neko or Shōjo? Cross-Lingual Alignment of Non-Isomorphic Embeddings with
    Iterative Normalization".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from layerlab.errors import DataError, unknown
from layerlab.measures.alignment.options import MAPS
from layerlab.measures.retrieval import pair_of_matrices

Matrix = NDArray[np.float64]

#: Rounds of unit length and centring, as Zhang et al. take.
ROUNDS: Final = 5


@dataclass(frozen=True)
class Space:
    """How the states of one side are normalised; found on the fitting part, and applied to any states.

    Attributes:
        means: What is taken off after unit length in each round, ``(rounds, hidden)``.
        centre: Mean of the states as they are, ``(hidden,)``.
        length: Root of their mean squared distance from it.
    """

    means: Matrix
    centre: Matrix
    length: float

    def normalise(self, states: NDArray[Any]) -> Matrix:
        """Return states ``(rows, hidden)`` in the normalised space; without rounds, centred and to scale."""
        x = np.asarray(states, dtype=np.float64)
        if not len(self.means):
            return (x - self.centre) / (self.length or 1.0)
        for mean in self.means:
            x = _unit(x) - mean
        return x


@dataclass(frozen=True)
class AlignmentMap:
    """A map from one space into another.

    Attributes:
        start: The space that states come from.
        end: The space that they are taken to.
        matrix: Of the normalised spaces, ``(hidden of start, hidden of end)``.
    """

    start: Space
    end: Space
    matrix: Matrix

    def normalised(self, states: NDArray[Any]) -> Matrix:
        """Return where states ``(rows, hidden)`` lie in the normalised space of the end."""
        return self.start.normalise(states) @ self.matrix

    def affine(self) -> tuple[Matrix, Matrix]:
        """Return the map of states as they are: a matrix, and what is added to the product.

        States are centred, mapped, brought to the length of the other side, and put where its centre is.
        """
        scale = self.end.length / self.start.length if self.start.length else 1.0
        matrix = self.matrix if scale == 1 else self.matrix * scale
        return matrix, self.end.centre - self.start.centre @ matrix


def iterative_normalisation(states: NDArray[Any], rounds: int = ROUNDS) -> Space:
    """Find how states ``(rows, hidden)`` are brought to unit length and mean zero at once.

    Reference: Zhang et al. (2019), section 3.
    """
    x = np.asarray(states, dtype=np.float64)
    centre = x.mean(axis=0)
    length = float(np.sqrt(((x - centre) ** 2).sum(axis=1).mean()))
    means = []
    for _ in range(rounds):
        x = _unit(x)
        means.append(x.mean(axis=0))
        x = x - means[-1]
    return Space(np.reshape(means, (rounds, len(centre))), centre, length)


def procrustes(x: NDArray[Any], y: NDArray[Any]) -> Matrix:
    """Return the orthogonal matrix that takes rows of x nearest to those of y.

    Where the widths differ its rows or its columns are orthonormal, whichever are fewer.

    Args:
        x: ``(pairs, hidden)``.
        y: ``(pairs, hidden of the other)``.

    Returns:
        ``(hidden, hidden of the other)``.

    Raises:
        DataError: Other numbers of rows, or values that are not finite.

    Reference: Schönemann (1966), "A Generalized Solution of the Orthogonal Procrustes Problem".

    >>> turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> x = np.array([[1.0, 2.0], [3.0, -1.0]])
    >>> procrustes(x, x @ turn).round(12).tolist()
    [[-0.0, 1.0], [-1.0, 0.0]]
    """
    x, y = pair_of_matrices(x, y, 1)
    left, _, right = np.linalg.svd(x.T @ y, full_matrices=False)
    product: Matrix = left @ right
    return product


def least_squares(x: NDArray[Any], y: NDArray[Any]) -> Matrix:
    """Return the matrix of least squared error from rows of x to those of y; of several, the smallest.

    Arguments, result and errors are those of :func:`procrustes`.
    """
    x, y = pair_of_matrices(x, y, 1)
    return np.asarray(np.linalg.lstsq(x, y, rcond=None)[0], dtype=np.float64)


def random_rotation(n_from: int, n_to: int, seed: int) -> Matrix:
    """Draw an orthogonal matrix of shape ``(n_from, n_to)``, all being equally likely.

    Reference: Stewart (1980), "The Efficient Generation of Random Orthogonal Matrices".

    >>> turn = random_rotation(3, 3, seed=0)
    >>> bool(np.allclose(turn @ turn.T, np.eye(3)))
    True
    """
    most = max(n_from, n_to)
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(most, min(n_from, n_to))))
    turn: Matrix = np.multiply(q, np.sign(np.diag(r)), dtype=np.float64)
    return turn if n_from == most else turn.T


def fit_map(
    x: NDArray[Any], y: NDArray[Any], how: str, *, rounds: int = ROUNDS, seed: int = 0
) -> AlignmentMap:
    """Fit a map from the states of one encoder to those of another.

    Args:
        x: States of the one, ``(pairs, hidden)``.
        y: States of the other that mean the same, ``(pairs, hidden of the other)``.
        how: ``procrustes``, ``least_squares``, ``none`` (the identity) or ``rotation`` (a random one).
        rounds: Of the iterative normalisation; 0 centres and scales alone, which is what ``affine`` does too.
        seed: Of a random rotation.

    Raises:
        DataError: Other numbers of rows, values that are not finite, an unknown map, or the identity between
            spaces of unequal width.
    """
    x, y = pair_of_matrices(x, y, 2)
    start, end = iterative_normalisation(x, rounds), iterative_normalisation(y, rounds)
    widths = x.shape[1], y.shape[1]
    if how == "none":
        if widths[0] != widths[1]:
            raise DataError(f"states of {widths[0]} and {widths[1]} dimensions cannot be compared unmapped")
        return AlignmentMap(start, end, np.eye(widths[0]))
    if how == "rotation":
        return AlignmentMap(start, end, random_rotation(*widths, seed))
    if how not in MAPS:
        raise DataError(unknown("map", how, [*MAPS, "none", "rotation"]))
    solve = procrustes if how == "procrustes" else least_squares
    return AlignmentMap(start, end, solve(start.normalise(x), end.normalise(y)))


def _unit(x: Matrix) -> Matrix:
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(lengths > 0, lengths, 1.0)
