"""Metrics of tagging as pure functions on gold and predicted sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

from layerlab.errors import LabelError
from layerlab.tasks.metrics.score import count_ratio

Sequences = Sequence[Sequence[str]]
Span = tuple[str, int, int]


@dataclass(frozen=True)
class SpanScores:
    """Counts of entities, micro-averaged over sentences.

    Attributes:
        n_gold: Entities of the gold annotation.
        n_predicted: Entities predicted.
        n_correct: Predicted entities whose type, first and last word are right.
    """

    n_gold: int
    n_predicted: int
    n_correct: int

    @property
    def precision(self) -> float:
        """Fraction of the predicted entities that are right, 0 if none is predicted."""
        return self.n_correct / self.n_predicted if self.n_predicted else 0.0

    @property
    def recall(self) -> float:
        """Fraction of the gold entities that were found, 0 if there is none."""
        return self.n_correct / self.n_gold if self.n_gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 if both are."""
        total = self.n_gold + self.n_predicted
        return 2 * self.n_correct / total if total else 0.0


def word_accuracy(gold: Sequences, predicted: Sequences) -> float:
    """Return the fraction of words with the right tag, 0 if there is no word.

    Raises:
        LabelError: Numbers of sentences or words differ.

    >>> word_accuracy([["NOUN", "VERB"], ["X"]], [["NOUN", "NOUN"], ["X"]])
    0.6666666666666666
    """
    return count_ratio(words_by_sentence(gold, predicted)).value


def words_by_sentence(gold: Sequences, predicted: Sequences) -> list[tuple[int, int]]:
    """Count the words with the right tag, and all words, of each sentence.

    Raises:
        LabelError: Numbers of sentences or words differ.

    >>> words_by_sentence([["NOUN", "VERB"], ["X"]], [["NOUN", "NOUN"], ["X"]])
    [(1, 2), (1, 1)]
    """
    return [
        (sum(g == p for g, p in zip(gold_tags, predicted_tags, strict=True)), len(gold_tags))
        for gold_tags, predicted_tags in _paired(gold, predicted)
    ]


def spans(tags: Sequence[str], *, lenient: bool = False) -> list[Span]:
    """Return the entities of one sentence as (type, first word, last word), in order.

    Strictly, an entity is a ``B-X`` and the ``I-X`` that follow it at once; any other ``I-`` is no part of
    an entity. Leniently, an ``I-X`` after anything but ``B-X`` or ``I-X`` begins an entity, as the
    script of CoNLL-2000 counts.

    >>> spans(["B-PER", "I-PER", "O", "I-LOC"])
    [('PER', 0, 1)]
    >>> spans(["B-PER", "I-LOC"], lenient=True)
    [('PER', 0, 0), ('LOC', 1, 1)]
    """
    found: list[Span] = []
    kind: str | None = None
    first = 0
    for position, tag in enumerate(tags):
        prefix, _, label = tag.partition("-")
        if prefix == "I" and label == kind:
            continue
        if kind is not None:
            found.append((kind, first, position - 1))
        begins = prefix == "B" or (prefix == "I" and lenient)
        kind, first = (label, position) if begins else (None, position)
    if kind is not None:
        found.append((kind, first, len(tags) - 1))
    return found


def span_scores(gold: Sequences, predicted: Sequences, *, lenient: bool = False) -> SpanScores:
    """Count entities that are right in type and in both ends.

    Args:
        gold: IOB2 tags of each sentence.
        predicted: Likewise; need not be well formed.
        lenient: Let a stray ``I-X`` begin an entity, in gold and in predictions.

    Raises:
        LabelError: Numbers of sentences or words differ.

    Reference: Tjong Kim Sang and De Meulder (2003), Introduction to the CoNLL-2003 shared task.

    >>> span_scores([["B-PER", "I-PER"]], [["I-PER", "I-PER"]]).f1
    0.0
    >>> span_scores([["B-PER", "I-PER"]], [["I-PER", "I-PER"]], lenient=True).f1
    1.0
    """
    found = spans_by_sentence(gold, predicted, lenient=lenient)
    return SpanScores(*(sum(counts) for counts in zip([0] * 3, *map(astuple, found), strict=True)))


def spans_by_sentence(gold: Sequences, predicted: Sequences, *, lenient: bool = False) -> list[SpanScores]:
    """Count the entities of each sentence as ``span_scores`` counts those of all, and raise as it does."""
    found = []
    for gold_tags, predicted_tags in _paired(gold, predicted):
        gold_spans = set(spans(gold_tags, lenient=lenient))
        predicted_spans = set(spans(predicted_tags, lenient=lenient))
        n_correct = len(gold_spans & predicted_spans)
        found.append(SpanScores(len(gold_spans), len(predicted_spans), n_correct))
    return found


def _paired(gold: Sequences, predicted: Sequences) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    if len(gold) != len(predicted):
        raise LabelError(f"{len(gold)} gold sentences, but {len(predicted)} predicted ones")
    for number, (gold_tags, predicted_tags) in enumerate(zip(gold, predicted, strict=True)):
        if len(gold_tags) != len(predicted_tags):
            raise LabelError(
                f"sentence {number}: {len(gold_tags)} gold tags, but {len(predicted_tags)} predicted ones"
            )
        yield gold_tags, predicted_tags
