"""A score, and what each sentence contributes to it, so that sentences can be resampled afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """A score as sums over sentences: the mean over parts of hits over total.

    Nearly every score has one part: accuracy and attachment scores are right words over words, F1 is twice
    the right entities over gold and predicted ones. Macro F1 has one part a label; a part without any total
    is left out.

    Attributes:
        hits: ``(parts, sentences)``.
        total: ``(parts, sentences)``.

    >>> Counts(((3, 1),), ((4, 1),)).value
    0.8
    """

    hits: tuple[Row, ...]
    total: tuple[Row, ...]

    @property
    def value(self) -> float:
        """The score, a fraction; 0 if there is nothing to count."""
        sums = [(sum(hits), sum(total)) for hits, total in zip(self.hits, self.total, strict=True)]
        ratios = [hits / total for hits, total in sums if total]
        return sum(ratios) / len(ratios) if ratios else 0.0


@dataclass(frozen=True)
class Score:
    """One number of an evaluation.

    Attributes:
        metric: Name.
        value: A fraction.
        n: What it is over: words, entities or pairs.
        floor: What the commonest answer everywhere would score, None where that is not known: below it a
            model has nothing to lose.
        counts: What each sentence, or pair, contributes to the value, in the order of the corpus; None where
            that is not known. Intervals that resample sentences need them.
    """

    metric: str
    value: float
    n: int
    counts: Counts | None = field(default=None, compare=False, repr=False)
    floor: float | None = field(default=None, compare=False)


def count_ratio(pairs: Iterable[tuple[int, int]]) -> Counts:
    """Make counts of one part from (hits, total) of each sentence.

    >>> count_ratio([(3, 4), (1, 1)])
    Counts(hits=((3, 1),), total=((4, 1),))
    """
    rows = list(pairs)
    return Counts((tuple(int(hits) for hits, _ in rows),), (tuple(int(total) for _, total in rows),))


def ratio_score(
    metric: str, n: int, pairs: Iterable[tuple[int, int]], *, floor: float | None = None
) -> Score:
    """Make the score of (hits, total) of each sentence, over n words, entities or pairs, with its floor."""
    counts = count_ratio(pairs)
    return Score(metric, counts.value, n, counts, floor)


def count_macro_f1(gold: Sequence[str], predicted: Sequence[str]) -> Counts:
    """Make counts of macro F1, a part for each label that occurs in gold or in predictions.

    >>> count_macro_f1(["yes", "yes", "no"], ["yes", "no", "no"]).value
    0.6666666666666666
    """
    labels = sorted({*gold, *predicted})
    both = list(zip(gold, predicted, strict=True))
    hits = tuple(tuple(2 * (g == p == label) for g, p in both) for label in labels)
    total = tuple(tuple((g == label) + (p == label) for g, p in both) for label in labels)
    return Counts(hits, total)
