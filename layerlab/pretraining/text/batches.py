"""What a step sees: a function of the seed and the step alone, so that resuming needs no generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerlab.pretraining.text.corpus import Tokens
from layerlab.training.streams import languages_stream, sequences_stream


def shares(
    sizes: Mapping[str, int],
    exponent: float,
    fixed: Mapping[str, float] | None = None,
    ratio: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return each stream's share of the sequences: a fixed one, or by its size to the power ``exponent``.

    Where a ``ratio`` is given, it is the weight of a language instead of its size.

    Reference:
        Conneau and Lample 2019, "Cross-lingual Language Model Pretraining".

    >>> shares({"en": 9, "tr": 1}, 0.5)
    {'en': 0.75, 'tr': 0.25}
    >>> shares({"en": 9, "tr": 1, "parallel": 50}, 0.5, {"parallel": 0.2})
    {'en': 0.6000000000000001, 'tr': 0.2, 'parallel': 0.2}
    >>> shares({"en": 9, "tr": 1}, 0.5, ratio={"en": 1, "tr": 1})
    {'en': 0.5, 'tr': 0.5}
    """
    fixed = fixed or {}
    weights: dict[str, float] = {key: size**exponent for key, size in sizes.items() if key not in fixed}
    weights |= ratio or {}
    total, left = sum(weights.values()), 1 - sum(fixed.values())
    return {key: fixed[key] if key in fixed else weights[key] / total * left for key in sizes}


class Order:
    """Which sequences each step trains on.

    Languages are drawn at random; within a language every sequence comes once before any comes again.
    ``sequences`` has the training sequences of each language, of shape ``(sequences, tokens)``, and
    ``shares``, which sum to 1, how often it is drawn.
    """

    def __init__(
        self,
        sequences: Mapping[str, Tokens],
        shares: Mapping[str, float],
        batch_sequences: int,
        steps: int,
        seed: int,
    ) -> None:
        self.languages = tuple(sequences)
        self._sequences = sequences
        self._seed = seed
        probabilities = [shares[language] for language in self.languages]
        self.drawn = np.stack(
            [
                languages_stream(seed, step).choice(len(self.languages), batch_sequences, p=probabilities)
                for step in range(steps)
            ]
        )
        flat = self.drawn.ravel()
        places = np.empty(flat.size, dtype=np.int64)
        for number in range(len(self.languages)):
            mine = flat == number
            places[mine] = np.arange(mine.sum())
        self._places = places.reshape(self.drawn.shape)
        self._permutations: dict[tuple[int, int], NDArray[np.int64]] = {}

    def batch(self, step: int) -> Tokens:
        """Return the token ids of 0-based ``step``, of shape ``(batch, tokens)``."""
        rows = [
            self._row(int(number), int(place))
            for number, place in zip(self.drawn[step], self._places[step], strict=True)
        ]
        return np.stack(rows)

    def languages_of(self, step: int) -> tuple[str, ...]:
        """Return the language of each sequence of 0-based ``step``."""
        return tuple(self.languages[number] for number in self.drawn[step])

    def sequences_seen(self, steps: int) -> dict[str, int]:
        """Return how many sequences of each language the first ``steps`` steps hold."""
        counts = np.bincount(self.drawn[:steps].ravel(), minlength=len(self.languages))
        return {language: int(count) for language, count in zip(self.languages, counts, strict=True)}

    def _row(self, number: int, place: int) -> Tokens:
        rows = self._sequences[self.languages[number]]
        epoch, index = divmod(place, len(rows))
        if (number, epoch) not in self._permutations:
            generator = sequences_stream(self._seed, number, epoch)
            self._permutations[number, epoch] = generator.permutation(len(rows))
        row: Tokens = rows[self._permutations[number, epoch][index]]
        return row


@dataclass(frozen=True)
class Masked:
    """A batch to be predicted.

    Attributes:
        input_ids: What the model reads, shape ``(batch, tokens)``.
        positions: Flat indices of the positions to be predicted, shape ``(predicted,)``, ascending.
        targets: The tokens that stood there, shape ``(predicted,)``.
    """

    input_ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    targets: NDArray[np.int64]


def mask(
    batch: Tokens,
    rate: float | Sequence[float],
    stream: np.random.Generator,
    *,
    n_special: int,
    mask_id: int,
    n_vocab: int,
    replaced: float = 0.1,
) -> Masked:
    """Choose positions to be predicted and corrupt them: 80% mask, 10% another token, 10% as they are.

    Exactly ``rate`` of the ordinary tokens of the batch (rounded, at least one) are chosen; sequences may
    have rates of their own. The batch has shape ``(batch, tokens)``. Ids below ``n_special`` are neither
    predicted nor put in. ``replaced`` is the fraction of other tokens; more or fewer are left as they are.

    Reference:
        Devlin et al. 2019; masks drawn anew for each visit as in Liu et al. 2019 (RoBERTa).
    """
    flat = batch.ravel().astype(np.int64)
    rates = np.broadcast_to(np.asarray(rate, dtype=np.float64), (len(batch),)).repeat(batch.shape[1])
    chosen = []
    for one in np.unique(rates):
        ordinary = np.flatnonzero((flat >= n_special) & (rates == one))
        n_predicted = max(1, round(one * len(ordinary)))
        chosen.append(stream.permutation(ordinary)[:n_predicted])
    positions = np.sort(np.concatenate(chosen))
    targets = flat[positions]
    fate = stream.random(len(positions))
    others = stream.integers(n_special, n_vocab, len(positions))
    flat[positions] = np.where(fate < 0.8, mask_id, np.where(fate < 0.8 + replaced, others, targets))
    return Masked(flat.reshape(batch.shape), positions, targets)


def part_of(masked: Masked, part: int, n_parts: int) -> Masked:
    """Return one of several parts of a batch: neighbouring sequences, as even as can be.

    >>> batch = Masked(np.arange(8).reshape(4, 2), np.array([1, 5, 6]), np.array([9, 8, 7]))
    >>> second = part_of(batch, 1, 2)
    >>> second.input_ids.tolist(), second.positions.tolist(), second.targets.tolist()
    ([[4, 5], [6, 7]], [1, 2], [8, 7])
    """
    n_rows, width = masked.input_ids.shape
    first, last = _ends(n_rows, part, n_parts)
    own = (masked.positions >= first * width) & (masked.positions < last * width)
    return Masked(masked.input_ids[first:last], masked.positions[own] - first * width, masked.targets[own])


def share_of(languages: Sequence[str], part: int, n_parts: int) -> Sequence[str]:
    """Return the languages of the sequences of one of several parts of a batch, as :func:`part_of` cuts it.

    >>> share_of(("en", "fr", "fr"), 1, 2)
    ('fr', 'fr')
    """
    first, last = _ends(len(languages), part, n_parts)
    return languages[first:last]


def _ends(n_rows: int, part: int, n_parts: int) -> tuple[int, int]:
    return n_rows * part // n_parts, n_rows * (part + 1) // n_parts


def rows_of(masked: Masked, chosen: Sequence[bool]) -> Masked:
    """Return some sequences of a batch.

    >>> batch = Masked(np.arange(6).reshape(3, 2), np.array([0, 3, 5]), np.array([9, 8, 7]))
    >>> some = rows_of(batch, [False, True, True])
    >>> some.input_ids.tolist(), some.positions.tolist(), some.targets.tolist()
    ([[2, 3], [4, 5]], [1, 3], [8, 7])
    """
    rows = np.asarray(chosen, dtype=bool)
    width = masked.input_ids.shape[1]
    row, column = np.divmod(masked.positions, width)
    own, place = rows[row], np.cumsum(rows) - 1
    positions = place[row[own]] * width + column[own]
    return Masked(masked.input_ids[rows], positions, masked.targets[own])


def drawn_within(
    masked: Masked,
    batch: Tokens,
    pieces: Sequence[NDArray[np.int64]],
    *,
    n_special: int,
    mask_id: int,
    n_vocab: int,
) -> Masked:
    """Return a batch whose random pieces are of some that each sequence may have, drawn by the same numbers.

    Args:
        masked: The batch.
        batch: What stood there, shape ``(batch, tokens)``.
        pieces: Of each sequence the pieces that may stand in for others, ascending.
        n_special: Ids below it are never put in.
        mask_id: Stands for a piece that is hidden.
        n_vocab: Ids are below it.
    """
    ids = masked.input_ids.copy()
    for number, own in enumerate(pieces):
        row = ids[number]
        strange = (row != batch[number]) & (row != mask_id)
        row[strange] = own[(row[strange] - n_special) * len(own) // (n_vocab - n_special)]
    return Masked(ids, masked.positions, masked.targets)
