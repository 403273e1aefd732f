"""The metrics against seqeval and scikit-learn on random predictions."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score

from layerlab.errors import LabelError
from layerlab.tasks.metrics.spans import span_scores, spans, word_accuracy

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]
Pair = tuple[list[str], list[str]]


@st.composite
def tagged(draw: st.DrawFn) -> tuple[list[list[str]], list[list[str]]]:
    """Gold and predicted tags of some sentences; both may hold stray I- tags."""
    lengths = draw(st.lists(st.integers(1, 8), min_size=1, max_size=5))
    row = st.sampled_from(TAGS)
    gold = [draw(st.lists(row, min_size=n, max_size=n)) for n in lengths]
    # Half of the predictions are the gold tags, so that some entities are right.
    keep = [draw(st.lists(st.booleans(), min_size=n, max_size=n)) for n in lengths]
    noise = [draw(st.lists(row, min_size=n, max_size=n)) for n in lengths]
    predicted = [
        [g if k else n for g, k, n in zip(*rows, strict=True)] for rows in zip(gold, keep, noise, strict=True)
    ]
    return gold, predicted


@settings(max_examples=300, deadline=None)
@given(tagged())
def test_strict_scores_are_those_of_seqeval(rows: tuple[list[list[str]], list[list[str]]]) -> None:
    gold, predicted = rows
    ours = span_scores(gold, predicted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
        assert ours.f1 == pytest.approx(f1_score(gold, predicted, **options))
        assert ours.precision == pytest.approx(precision_score(gold, predicted, **options))
        assert ours.recall == pytest.approx(recall_score(gold, predicted, **options))


@settings(max_examples=300, deadline=None)
@given(tagged())
def test_lenient_scores_are_those_of_seqeval_by_default(
    rows: tuple[list[list[str]], list[list[str]]],
) -> None:
    gold, predicted = rows
    ours = span_scores(gold, predicted, lenient=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert ours.f1 == pytest.approx(f1_score(gold, predicted, zero_division=0))
        assert ours.precision == pytest.approx(precision_score(gold, predicted, zero_division=0))
        assert ours.recall == pytest.approx(recall_score(gold, predicted, zero_division=0))


@settings(max_examples=100, deadline=None)
@given(tagged())
def test_accuracy_is_that_of_scikit_learn(rows: tuple[list[list[str]], list[list[str]]]) -> None:
    gold, predicted = rows
    flat = [[tag for row in part for tag in row] for part in rows]
    assert word_accuracy(gold, predicted) == pytest.approx(accuracy_score(*flat))


def test_stray_inside_tags_are_no_entity_when_strict_and_one_when_lenient() -> None:
    tags = ["I-PER", "I-PER", "O", "B-LOC", "I-PER", "I-LOC"]
    assert spans(tags) == [("LOC", 3, 3)]
    assert spans(tags, lenient=True) == [("PER", 0, 1), ("LOC", 3, 3), ("PER", 4, 4), ("LOC", 5, 5)]


def test_neighbouring_entities_of_one_type_are_told_apart() -> None:
    assert spans(["B-PER", "B-PER", "I-PER"]) == [("PER", 0, 0), ("PER", 1, 2)]


def test_a_wrong_end_or_type_is_wrong() -> None:
    gold = [["B-PER", "I-PER", "O", "B-LOC"]]
    scores = span_scores(gold, [["B-PER", "O", "O", "B-ORG"]])
    assert (scores.n_gold, scores.n_predicted, scores.n_correct, scores.f1) == (2, 2, 0, 0.0)


def test_scores_of_nothing_are_zero() -> None:
    empty = span_scores([["O"]], [["O"]])
    assert (empty.precision, empty.recall, empty.f1) == (0.0, 0.0, 0.0)
    assert word_accuracy([], []) == 0.0


def test_sequences_of_other_lengths_are_refused() -> None:
    with pytest.raises(LabelError, match="1 gold sentences, but 0 predicted"):
        word_accuracy([["X"]], [])
    with pytest.raises(LabelError, match="sentence 0: 1 gold tags, but 2 predicted"):
        span_scores([["O"]], [["O", "O"]])
