from __future__ import annotations

import random

import pytest

from layerlab.errors import LabelError
from layerlab.tasks.metrics.attachment import attachment_scores
from layerlab.tasks.metrics.evaluate_metrics import Attachment, SpanF1, WordAccuracy

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


Tree = dict[str, list[int] | list[str]]


def tree(heads: list[int], relations: str) -> Tree:
    return {"heads": heads, "relations": relations.split()}


def test_attachment_scores_ignore_subtypes_and_count_punctuation() -> None:
    gold = [tree([2, 0, 2], "nsubj:pass root punct"), tree([0], "root")]
    predicted = [tree([2, 0, 1], "nsubj:outer root punct"), tree([0], "root")]
    scores = Attachment().compute(predictions=predicted, references=gold)
    assert scores == {"uas": 0.75, "las": 0.75, "clas": 1.0}


def test_batches_of_trees_have_the_scores_of_the_function() -> None:
    stream = random.Random(7)
    relations = ["nsubj", "obl:tmod", "punct", "case", "aux:pass"]
    pairs = []
    for n in (3, 7, 1, 12, 4):
        gold = [(stream.randint(0, n), stream.choice(relations)) for _ in range(n)]
        noise = [(stream.randint(0, n), stream.choice(relations)) for _ in range(n)]
        pairs.append((gold, [stream.choice(both) for both in zip(gold, noise, strict=True)]))
    metric = Attachment()
    for pair in pairs:
        one, other = ({"heads": [h for h, _ in arcs], "relations": [r for _, r in arcs]} for arcs in pair)
        metric.add_batch(predictions=[other], references=[one])
    expected = attachment_scores([gold for gold, _ in pairs], [predicted for _, predicted in pairs])
    assert 0 < expected.clas < 1
    assert metric.compute() == {"uas": expected.uas, "las": expected.las, "clas": expected.clas}


def test_a_word_that_was_given_up_is_wrong() -> None:
    gold = [tree([2, 0, 2, 2], "nsubj root obj punct")]
    scores = Attachment().compute(predictions=[tree([2, 0, -1, -1], "nsubj root obj punct")], references=gold)
    assert scores == {"uas": 0.5, "las": 0.5, "clas": pytest.approx(4 / 5)}


def test_trees_that_do_not_fit_are_refused() -> None:
    gold = [tree([2, 0], "nsubj root")]
    with pytest.raises(LabelError, match="prediction 0: 1 heads, but 2 relations"):
        Attachment().compute(predictions=[tree([2], "nsubj root")], references=gold)
    with pytest.raises(LabelError, match="sentence 0: 2 gold arcs, but 1 predicted words"):
        Attachment().compute(predictions=[tree([0], "root")], references=gold)
