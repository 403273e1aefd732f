"""Metrics of classification as pure functions on gold and predicted labels."""

from __future__ import annotations

from collections.abc import Sequence

from layerlab.errors import LabelError
from layerlab.tasks.metrics.score import count_macro_f1


def label_accuracy(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """Return the fraction of right labels, 0 if there is none.

    Raises:
        LabelError: The numbers of labels differ.

    >>> label_accuracy(["yes", "no", "no", "no"], ["yes", "no", "yes", "no"])
    0.75
    """
    _check(gold, predicted)
    right = sum(g == p for g, p in zip(gold, predicted, strict=True))
    return right / len(gold) if gold else 0.0


def macro_f1(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """Return the mean F1 of the labels that occur, in gold or in predictions; 0 if there is none.

    Raises:
        LabelError: The numbers of labels differ.

    >>> macro_f1(["yes", "yes", "no"], ["yes", "no", "no"])
    0.6666666666666666
    """
    _check(gold, predicted)
    return count_macro_f1(gold, predicted).value


def _check(gold: Sequence[str], predicted: Sequence[str]) -> None:
    if len(gold) != len(predicted):
        raise LabelError(f"{len(gold)} gold labels, but {len(predicted)} predicted ones")
