"""Cosine of a sentence with its translation: how near the two are in the encoder's own space."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerlab.measures.retrieval import pair_of_matrices


def mean_cosine(source: NDArray[Any], target: NDArray[Any], *, centre: bool = False) -> float:
    """Measure the mean cosine of sentences with their translations.

    In many encoders all vectors lie in a narrow cone, so that any two sentences have a high cosine. With
    ``centre`` each language's mean is taken off first; unrelated sentences then have about 0.

    Args:
        source: Vectors of shape ``(sentences, hidden)``.
        target: Vectors of the translations, of the same shape.
        centre: Whether each side's mean is taken off.

    Returns:
        A number between -1 and 1; NaN if a vector is zero, which has no direction.

    Raises:
        DataError: Different numbers of rows, fewer than two, or values that are not finite.

    Reference: Muller et al. (2021), the cosine option of their repository's ``similarity_measure.py``.

    >>> import numpy as np
    >>> mean_cosine(np.eye(2), np.array([[2.0, 0.0], [1.0, 0.0]]))
    0.5
    """
    x, y = pair_of_matrices(source, target, 2)
    if centre:
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    if not (lengths > 0).all():
        return float("nan")
    return float(((x * y).sum(axis=1) / lengths).mean())
