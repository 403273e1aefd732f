"""Separate random streams for separate purposes, so that an ablation shifts none of the others.

Every seed of a fit and of a pretraining is derived here. Recorded numbers depend on how, so a derivation
never changes; a new purpose takes :func:`derive_seed`.
"""

from __future__ import annotations

import hashlib
import random
from typing import Final

import numpy as np

# First numbers of a pretraining's streams: drawing languages, shuffling sequences, masks, parallel texts.
_DRAW, _SHUFFLE, _MASK, _TRANSLATIONS = 0, 1, 2, 17
# Between the dropout streams of the parts of a pretraining's step: more than there are steps.
_PART_OFFSET: Final = 2**40
# Masks of held-out sequences have a stream of their own: no step has this number.
_HELD_OUT_OFFSET: Final = 2**31


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


def head_seed(seed: int) -> int:
    """Return the seed of a task head's first weights, in a fit of a seed."""
    return derive_seed(seed, "head")


def order_stream(seed: int, epoch: int) -> random.Random:
    """Return the stream of the order of the examples in a fit's 0-based epoch."""
    return random.Random(derive_seed(seed, "order", epoch))


def mixing_stream(seed: int, corpus: int, done: int) -> random.Random:
    """Return the stream of the order of a corpus, of several of a fit, after so many passes over it."""
    return random.Random(derive_seed(seed, "mixing", corpus, done))


def dropout_seed(seed: int, step: int, part: int) -> int:
    """Return the seed of dropout in one part of a fit's step."""
    return derive_seed(seed, "dropout", step, part)


def pretraining_dropout_seed(seed: int, step: int, part: int) -> int:
    """Return the seed of dropout in one part of a pretraining's step."""
    return seed * 1_000_003 + step + part * _PART_OFFSET


def languages_stream(seed: int, step: int) -> np.random.Generator:
    """Return the stream that draws the languages of a pretraining's step."""
    return np.random.default_rng([seed, _DRAW, step])


def sequences_stream(seed: int, language: int, epoch: int) -> np.random.Generator:
    """Return the stream that orders a language's sequences in a pass over them; the language by number."""
    return np.random.default_rng([seed, _SHUFFLE, language, epoch])


def masks_stream(seed: int, step: int, *, held_out: bool = False) -> np.random.Generator:
    """Return the stream of the masks of a pretraining's step, or of held-out sequences by first number."""
    return np.random.default_rng([seed, _MASK, step + (_HELD_OUT_OFFSET if held_out else 0)])


def translations_stream(seed: int) -> np.random.Generator:
    """Return the stream that orders the translations of parallel texts."""
    return np.random.default_rng([seed, _TRANSLATIONS])


def anchors_stream(seed: int, language: str) -> random.Random:
    """Return the stream that draws the words of a language to be exchanged for translations."""
    return random.Random(f"{seed}-anchors-{language}")
