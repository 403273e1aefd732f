"""Separate random streams for separate purposes, so that an ablation shifts none of the others."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *purpose: str | int) -> int:
    """Return the seed of one purpose's stream, such as ``derive_seed(3, "order", epoch)``.

    Head initialisation, data order, dropout and reset weights each have a stream of their own. A baseline
    and an ablated run with the same seed therefore differ by the ablation alone. Dropout is seeded anew at
    every step, so a resumed fit needs no generator state.

    >>> derive_seed(0, "head") == derive_seed(0, "head"), derive_seed(0, "head") == derive_seed(0, "order")
    (True, False)
    """
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def donors_seed(seed: int) -> int:
    """Return the seed of interventions that have none of their own, in a fit of a seed."""
    return derive_seed(seed, "reset")
