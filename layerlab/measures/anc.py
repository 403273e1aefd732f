"""Average neuron-wise correlation: whether each dimension says the same in two languages.

CKA asks whether two languages are alike up to a rotation, which a task head that both share would not
survive. This measure compares dimension with dimension.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerlab.errors import DataError
from layerlab.measures.retrieval import pair_of_matrices

_LEAST = 3  # sentences; two always correlate perfectly
_CONSTANT = 1e-6  # spread relative to size below which a dimension in float32 is constant


def anc(source: NDArray[Any], target: NDArray[Any]) -> float:
    """Measure the mean over dimensions of their Pearson correlation over sentences.

    The correlations keep their signs: where a dimension means the opposite in the other language a shared
    head is misled. A dimension that is constant in either language has no correlation and is left out; if
    all are, there is no value: NaN. Everything is computed in float64.

    Args:
        source: Vectors of shape ``(sentences, hidden)``.
        target: Vectors of the translations, of the same shape.

    Returns:
        A number between -1 and 1; of unrelated sentences about 0, whatever their number.

    Raises:
        DataError: Different shapes, fewer than three sentences, or values that are not finite.

    Reference: Del and Fishel (2022), "Cross-lingual Similarity of Multilingual Representations Revisited".

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(20, 3))
    >>> round(anc(x, 2 * x + 1), 6), round(anc(x, x * [1, 1, -1]), 6)
    (1.0, 0.333333)
    """
    x, y = pair_of_matrices(source, target, _LEAST)
    if x.shape != y.shape:
        raise DataError(f"dimensions are compared one by one; got shapes {x.shape} and {y.shape}")
    size = np.sqrt(np.square(x).sum(axis=0)), np.sqrt(np.square(y).sum(axis=0))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    spread = np.sqrt(np.square(x).sum(axis=0)), np.sqrt(np.square(y).sum(axis=0))
    varies = (spread[0] > _CONSTANT * size[0]) & (spread[1] > _CONSTANT * size[1])
    if not varies.any():
        return float("nan")
    correlation = (x * y).sum(axis=0)[varies] / (spread[0] * spread[1])[varies]
    return float(correlation.mean())
