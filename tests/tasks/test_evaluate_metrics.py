from __future__ import annotations

import pytest

from layerlab.tasks.evaluate_metrics import SpanF1, WordAccuracy

GOLD = [["B-PER", "I-PER", "O"], ["B-LOC"]]
PREDICTED = [["I-PER", "I-PER", "O"], ["B-LOC"]]


def test_accuracy_needs_no_network_and_no_load() -> None:
    assert WordAccuracy().compute(predictions=PREDICTED, references=GOLD) == {"accuracy": 0.75}


def test_batches_are_added_up() -> None:
    metric = WordAccuracy()
    for predicted, gold in zip(PREDICTED, GOLD, strict=True):
        metric.add_batch(predictions=[predicted], references=[gold])
    assert metric.compute() == {"accuracy": 0.75}


def test_span_scores_are_strict_unless_asked() -> None:
    strict = SpanF1().compute(predictions=PREDICTED, references=GOLD)
    assert strict == {
        "span_precision": 1.0,
        "span_recall": 0.5,
        "span_f1": pytest.approx(2 / 3),
    }
    assert SpanF1().compute(predictions=PREDICTED, references=GOLD, lenient=True)["span_f1_lenient"] == 1.0
